import { describe, expect, it } from "vitest";
import type { Pod, Service } from "../gen/core-v1.js";
import type { EndpointSlice } from "../gen/discovery-v1.js";
import type { KubeObject } from "../resource.js";
import { tableLayout } from "./tables.js";

const NOW_MS = Date.parse("2026-01-01T00:01:00Z");

function cell(resource: string, column: string, object: KubeObject): string | number | undefined {
  const { columns, cells } = tableLayout(resource);
  const index = columns.findIndex(({ name }) => name === column);
  expect(index).toBeGreaterThanOrEqual(0);
  return cells(object, NOW_MS)[index] as string | number | undefined; // As printed.
}

describe("a pod's row", () => {
  const pod = (status: Pod["status"], spec: object = {}): Pod => ({
    metadata: { name: "p" },
    spec: { containers: [{ name: "c" }], ...spec },
    status,
  });

  it("says SchedulingGated while gates are closed", () => {
    const reason = "SchedulingGated";
    const conditions = [{ type: "PodScheduled", status: "False", reason }];
    expect(cell("pods", "Status", pod({ phase: "Pending", conditions }))).toBe(reason);
  });

  it("counts restarts of init containers only while they are not done", () => {
    const ended = { exitCode: 1, finishedAt: "2026-01-01T00:00:57Z" };
    const init = {
      name: "i",
      ready: false,
      restartCount: 2,
      image: "x",
      imageID: "",
      state: { waiting: { reason: "CrashLoopBackOff" } },
      lastState: { terminated: ended },
    };
    const initContainers = [{ name: "i" }];
    const waiting = pod({ phase: "Pending", initContainerStatuses: [init] }, { initContainers });
    expect(cell("pods", "Restarts", waiting)).toBe("2 (3s ago)");
    const done = { ...init, state: { terminated: { exitCode: 0 } } };
    const running = pod({ phase: "Running", initContainerStatuses: [done] }, { initContainers });
    expect(cell("pods", "Restarts", running)).toBe(0);
  });
});

describe("a pod's row, of a pod whose sidecar was stopped", () => {
  it("says how the main container ended", () => {
    const ended = (name: string, reason: string) => ({
      name,
      ready: false,
      restartCount: 0,
      image: "x",
      imageID: "",
      state: { terminated: { exitCode: 143, reason } },
    });
    const stopped: Pod = {
      metadata: { name: "p" },
      spec: {
        containers: [{ name: "c" }],
        initContainers: [{ name: "side", restartPolicy: "Always" }],
      },
      status: {
        phase: "Failed",
        conditions: [{ type: "Initialized", status: "True" }],
        initContainerStatuses: [ended("side", "Error")],
        containerStatuses: [ended("c", "OOMKilled")],
      },
    };
    expect(cell("pods", "Status", stopped)).toBe("OOMKilled");
    const [main] = stopped.status?.containerStatuses ?? [];
    const running = { ...stopped.status, containerStatuses: main ? [{ ...main, state: {} }] : [] };
    const well: Pod = { ...stopped, status: running };
    expect(cell("pods", "Status", well)).toBe("Init:Error");
  });
});

describe("a service's row", () => {
  const external = (spec: Service["spec"], status?: Service["status"]) =>
    cell("services", "External-IP", { metadata: { name: "s" }, spec, status } as Service); // One.

  it("says where it is reached from outside", () => {
    expect(external({ type: "ClusterIP" })).toBe("<none>");
    expect(external({ type: "LoadBalancer" })).toBe("<pending>");
    const ingress = [{ ip: "192.0.2.1" }, { hostname: "lb.example.com" }];
    expect(external({ type: "LoadBalancer" }, { loadBalancer: { ingress } })).toBe(
      "192.0.2.1,lb.example.com",
    );
    expect(external({ type: "ExternalName", externalName: "example.com" })).toBe("example.com");
  });
});

describe("an endpoint slice's row", () => {
  it("shows three addresses, and how many there are besides", () => {
    const slice = (...addresses: string[]): EndpointSlice => ({
      metadata: { name: "s" },
      addressType: "IPv4",
      endpoints: addresses.map((address) => ({ addresses: [address] })),
    });
    const shown = (one: EndpointSlice) => cell("endpointslices.discovery.k8s.io", "Endpoints", one);
    expect(shown(slice())).toBe("<unset>");
    expect(shown(slice("10.0.0.1", "10.0.0.2", "10.0.0.3"))).toBe("10.0.0.1,10.0.0.2,10.0.0.3");
    expect(shown(slice("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"))).toBe(
      "10.0.0.1,10.0.0.2,10.0.0.3 + 2 more...",
    );
  });
});
