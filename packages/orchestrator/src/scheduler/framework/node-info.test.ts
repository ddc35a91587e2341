import { describe, expect, it } from "vitest";
import { containerOf, nodeInfoOf, nodeOf, podInfo, podOf } from "../testing/cluster-objects.js";

describe("NodeInfo", () => {
  it("add() replaces a pod that is there already", () => {
    const info = nodeInfoOf(nodeOf("a"), [podOf("p", { requests: { cpu: "1" } })]);
    info.add(podInfo(podOf("p", { requests: { cpu: "500m", "example.com/gpu": "1" } })));
    expect(info.podCount).toBe(1);
    expect(info.requested).toEqual({ cpu: 500, "example.com/gpu": 1 });
  });

  it("remove() gives back all that a pod took, ports included", () => {
    const ports = [{ containerPort: 80, hostPort: 80 }];
    const spec = { containers: [containerOf({ cpu: "1" }, { ports })] };
    const info = nodeInfoOf(nodeOf("a"), [podOf("p", { spec })]);
    expect([...info.hostPorts()]).toHaveLength(1);
    info.remove("uid-of-p");
    info.remove("uid-of-p");
    expect(info.requested).toEqual({});
    expect(info.nonZeroRequested).toEqual({});
    expect([...info.hostPorts()]).toEqual([]);
    expect(info.podCount).toBe(0);
  });

  it("filtered() copies without changing what it copies", () => {
    const pods = [podOf("p", { requests: { cpu: "1" } }), podOf("q", { requests: { cpu: "2" } })];
    const info = nodeInfoOf(nodeOf("a"), pods);
    const copy = info.filtered(({ pod }) => pod.metadata.name === "p");
    expect(copy.requested).toEqual({ cpu: 1000 });
    expect(copy.allocatable).toEqual(info.allocatable);
    expect(info.requested).toEqual({ cpu: 3000 });
  });
});
