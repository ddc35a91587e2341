import { describe, expect, it } from "vitest";
import { clusterLayout, portsOf } from "./layout.js";
import { partsOf } from "./parts.js";

const options = {
  dataDir: "/d",
  members: 3,
  nodes: 2,
  portOffset: 0,
  single: false,
  transport: "http2" as const,
};

describe("clusterLayout()", () => {
  it("gives the documented default ports", () => {
    const layout = clusterLayout(options);
    expect(layout.members.map(({ clientUrl }) => clientUrl)).toEqual([
      "http://127.0.0.1:2379",
      "http://127.0.0.1:2479",
      "http://127.0.0.1:2579",
    ]);
    expect(layout.initialCluster).toBe(
      "store-1=http://127.0.0.1:2380,store-2=http://127.0.0.1:2480,store-3=http://127.0.0.1:2580",
    );
    expect(layout.apiUrl).toBe("https://127.0.0.1:6443");
    expect(layout.kubeconfig).toBe("/d/kubeconfig");
  });

  it("hands the transport to the members and the API server", () => {
    const parts = partsOf(clusterLayout({ ...options, transport: "grpc-js" }));
    const told = parts.filter(({ args }) => args.includes("--experimental-transport=grpc-js"));
    expect(told.map(({ name }) => name)).toEqual(["store-1", "store-2", "store-3", "apiserver"]);
  });

  it("adds the offset to every port and never uses one twice", () => {
    const plain = portsOf(clusterLayout({ ...options, members: 5, nodes: 20 }));
    const moved = portsOf(clusterLayout({ ...options, members: 5, nodes: 20, portOffset: 7 }));
    expect(moved.map(({ port }) => port - 7)).toEqual(plain.map(({ port }) => port));
    expect(new Set(plain.map(({ port }) => port)).size).toBe(plain.length);
  });

  it("gives clusters beside each other pod addresses of their own, all within 127/8", () => {
    const cidrs = (portOffset: number): string[] =>
      clusterLayout({ ...options, nodes: 100, portOffset }).nodes.map(({ podCidr }) => podCidr);
    expect(cidrs(0)[0]).toBe("127.64.0.0/16");
    expect(cidrs(20_000)[0]).not.toBe("127.64.0.0/16");
    for (const cidr of [...cidrs(91), ...cidrs(50_000)]) {
      expect(Number(cidr.split(".")[1])).toBeLessThanOrEqual(255);
    }
  });
});
