import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, at, openServer, type ServerFixture, textAt } from "./fixture.js";

const SERVICES = "/api/v1/namespaces/default/services";

let server: ServerFixture;
beforeAll(async () => {
  server = await openServer();
});
afterAll(() => server.close());

function create(name: string, spec: object): Promise<Answer> {
  const body = { apiVersion: "v1", kind: "Service", metadata: { name }, spec };
  return server.send({ method: "POST", path: SERVICES, body });
}

function patch(name: string, spec: object): Promise<Answer> {
  const headers = { "content-type": "application/merge-patch+json" };
  const body = JSON.stringify({ spec });
  return server.send({ method: "PATCH", path: `${SERVICES}/${name}`, headers, body });
}

const PORTS = [{ port: 80 }];

describe("a service", () => {
  it("gets node ports when it becomes a NodePort, and gives them back when it is one no more", async () => {
    const ip = at((await create("typed", { ports: PORTS })).json(), "spec.clusterIP");
    const changed = (await patch("typed", { type: "NodePort" })).json();
    const [port] = at(changed, "spec.ports") as { nodePort: number }[]; // Of a service.
    expect(port?.nodePort).toBeGreaterThanOrEqual(30_000);
    expect(at(changed, "spec.clusterIP")).toBe(ip);
    const nodePort = port?.nodePort;
    const other = { type: "NodePort", ports: [{ port: 81, nodePort }] };
    expect(textAt((await create("other", other)).json(), "message")).toBe(
      `Service "other" is invalid: spec.ports[0].nodePort: Invalid value: ${nodePort}: provided port is already allocated`,
    );
    const back = (await patch("typed", { type: "ClusterIP" })).json();
    expect(at(back, "spec.ports")).toEqual([{ port: 80, protocol: "TCP", targetPort: 80 }]);
    expect(at(back, "spec.externalTrafficPolicy")).toBeUndefined();
    expect((await create("other", other)).status).toBe(201);
  });

  it("gets a node port for each port that an update adds", async () => {
    await create("more", { type: "NodePort", ports: [{ name: "a", port: 80 }] });
    const ports = [
      { name: "a", port: 80 },
      { name: "b", port: 81 },
    ];
    const answer = await patch("more", { ports });
    const given = at(answer.json(), "spec.ports") as { nodePort: number }[]; // Of a service.
    expect(given.map(({ nodePort }) => nodePort)).toEqual([
      expect.any(Number) as unknown,
      expect.any(Number) as unknown,
    ]);
  });

  it("gives its address back when it becomes an ExternalName", async () => {
    const ip = at((await create("named", { ports: PORTS })).json(), "spec.clusterIP");
    const named = await patch("named", { type: "ExternalName", externalName: "example.com" });
    expect(at(named.json(), "spec.clusterIP")).toBeUndefined();
    expect((await create("heir", { clusterIP: ip, ports: PORTS })).status).toBe(201);
    const taken = await create("late", { clusterIP: ip, ports: PORTS });
    expect(taken.json()).toMatchObject({
      code: 422,
      details: { kind: "Service", name: "late" },
      message: `Service "late" is invalid: spec.clusterIPs: Invalid value: ["${String(ip)}"]: failed to allocate IP ${String(ip)}: provided IP is already allocated`,
    });
  });

  it.each([
    [
      { clusterIP: "1.2.3.4", ports: PORTS },
      'spec.clusterIPs: Invalid value: ["1.2.3.4"]: failed to allocate IP 1.2.3.4: the provided IP (1.2.3.4) is not in the valid range. The range of valid IPs is 10.96.0.0/16',
    ],
    [
      { clusterIP: "here", ports: PORTS },
      'spec.clusterIPs[0]: Invalid value: "here": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
    [
      { type: "NodePort", ports: [{ port: 80, nodePort: 1 }] },
      "spec.ports[0].nodePort: Invalid value: 1: provided port is not in the valid range. The range of valid ports is 30000-32767",
    ],
    [
      { ports: [{ port: 80, nodePort: 30_500 }] },
      "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
    ],
    [{ type: "ExternalName" }, "spec.externalName: Required value"],
    [
      { ports: [{ port: 80, protocol: "HTTP" }] },
      'spec.ports[0].protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"',
    ],
    [
      {
        ports: [
          { name: "a", port: 80 },
          { name: "b", port: 80 },
        ],
      },
      'spec.ports[1]: Duplicate value: {"protocol":"TCP","port":80}',
    ],
  ])("is refused: %j", async (spec, why) => {
    const answer = (await create("bad", spec)).json();
    expect(at(answer, "message")).toBe(`Service "bad" is invalid: ${why}`);
  });
});
