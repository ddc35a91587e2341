import { describe, expect, it } from "vitest";
import type { Pod, Service } from "../../api/gen/core-v1.js";
import type { EndpointSlice } from "../../api/gen/discovery-v1.js";
import { planEndpoints } from "./endpoints.js";
import { planEndpointSlices } from "./plan.js";

function service(spec: Partial<NonNullable<Service["spec"]>> = {}): Service {
  return {
    metadata: { namespace: "default", name: "web", uid: "svc", labels: { team: "t" } },
    spec: {
      selector: { app: "web" },
      ports: [{ name: "http", port: 80, targetPort: 8080 }],
      ...spec,
    },
  };
}

interface PodTraits {
  readonly ip?: string;
  readonly ready?: boolean;
  readonly going?: boolean;
  readonly phase?: string;
  readonly app?: string;
  readonly port?: number;
  readonly hostname?: string;
}

function pod(name: string, traits: PodTraits = {}): Pod {
  const { ip = "10.0.0.1", ready = true, going = false, phase = "Running", app = "web" } = traits;
  const { port, hostname } = traits;
  const ports = port === undefined ? [] : [{ name: "serve", containerPort: port }];
  return {
    metadata: {
      namespace: "default",
      name,
      uid: `uid-${name}`,
      labels: { app },
      ...(going ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
    },
    spec: {
      nodeName: "node-1",
      containers: [{ name: "c", ports }],
      ...(hostname === undefined ? {} : { hostname, subdomain: "web" }),
    },
    status: {
      phase,
      ...(ip === "" ? {} : { podIP: ip }),
      conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
    },
  };
}

function slicesOf(of: Service, pods: readonly Pod[]): readonly EndpointSlice[] {
  const slices = planEndpointSlices(of, pods);
  if (!slices) throw new Error("The service's endpoints are not ours to make");
  return slices;
}

/** What each pod's endpoint says: r(eady), s(erving), t(erminating). */
function conditionsOf(of: Service, pods: readonly Pod[]): Record<string, string> {
  const endpoints = slicesOf(of, pods).flatMap((slice) => slice.endpoints);
  return Object.fromEntries(
    endpoints.map(({ targetRef, conditions }) => [
      targetRef?.name ?? "",
      [conditions?.ready && "r", conditions?.serving && "s", conditions?.terminating && "t"]
        .filter((one) => typeof one === "string")
        .join(""),
    ]),
  );
}

describe("planEndpointSlices()", () => {
  it("lists the pods that a service selects, with its port as they serve it", () => {
    const pods = [pod("b", { ip: "10.0.0.2" }), pod("a"), pod("other", { app: "else" })];
    const [slice, ...others] = slicesOf(service(), pods);
    expect(others).toEqual([]);
    expect(slice).toMatchObject({
      addressType: "IPv4",
      metadata: {
        namespace: "default",
        labels: {
          team: "t",
          "kubernetes.io/service-name": "web",
          "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        },
        ownerReferences: [{ kind: "Service", name: "web", uid: "svc", controller: true }],
      },
      ports: [{ name: "http", protocol: "TCP", port: 8080 }],
      endpoints: [
        {
          addresses: ["10.0.0.1"],
          conditions: { ready: true, serving: true, terminating: false },
          nodeName: "node-1",
          targetRef: { kind: "Pod", namespace: "default", name: "a", uid: "uid-a" },
        },
        { addresses: ["10.0.0.2"] },
      ],
    });
  });

  it("says what is ready, serving and terminating, and leaves out what has no address or is over", () => {
    const pods = [
      pod("ready"),
      pod("starting", { ready: false }),
      pod("ending", { going: true }),
      pod("ending-unready", { going: true, ready: false }),
      pod("no-address", { ip: "" }),
      pod("over", { phase: "Succeeded" }),
    ];
    expect(conditionsOf(service(), pods)).toEqual({
      ready: "rs",
      starting: "",
      ending: "st",
      "ending-unready": "t",
    });
    // Who asks for all gets them as ready; what they serve is told as it is.
    expect(conditionsOf(service({ publishNotReadyAddresses: true }), pods)).toEqual({
      ready: "rs",
      starting: "r",
      ending: "rst",
      "ending-unready": "rt",
    });
  });

  it("gives pods whose named ports differ slices of their own", () => {
    const named = service({ ports: [{ port: 80, targetPort: "serve" }] });
    const slices = slicesOf(named, [
      pod("a", { port: 1 }),
      pod("b", { port: 2 }),
      pod("c", { port: 1 }),
    ]);
    expect(slices.map(({ ports, endpoints }) => [ports?.[0]?.port, endpoints.length])).toEqual([
      [1, 2],
      [2, 1],
    ]);
    expect(new Set(slices.map(({ metadata }) => metadata.name)).size).toBe(2);
  });

  it("puts 100 endpoints at most into a slice, and keeps the names of slices", () => {
    const pods = Array.from({ length: 250 }, (_, i) => pod(`p${String(i).padStart(3, "0")}`));
    const slices = slicesOf(service(), pods);
    expect(slices.map(({ endpoints }) => endpoints.length)).toEqual([100, 100, 50]);
    const names = (all: readonly EndpointSlice[]) => all.map(({ metadata }) => metadata.name);
    expect(names(slicesOf(service(), pods.slice(0, 150)))).toEqual(names(slices).slice(0, 2));
  });

  it("keeps one empty slice for a service without pods", () => {
    expect(slicesOf(service(), [])).toMatchObject([{ endpoints: [], ports: [{ port: 8080 }] }]);
  });

  it("marks headless services, and names endpoints by host under them", () => {
    const [slice] = slicesOf(service({ clusterIP: "None" }), [pod("a", { hostname: "h" })]);
    expect(slice?.metadata.labels?.["service.kubernetes.io/headless"]).toBe("");
    expect(slice?.endpoints[0]?.hostname).toBe("h");
  });

  it.each<[string, Service]>([
    ["without a selector", service({ selector: {} })],
    ["of type ExternalName", service({ type: "ExternalName" })],
    [
      "that is being deleted",
      { ...service(), metadata: { name: "web", deletionTimestamp: "2026-01-01T00:00:00Z" } },
    ],
  ])("leaves a service %s alone", (_what, of) => {
    expect(planEndpointSlices(of, [pod("a")])).toBeUndefined();
  });
});

describe("planEndpoints()", () => {
  it("tells ready addresses from others, and knows nothing of what is terminating", () => {
    const pods = [
      pod("a", { ip: "10.0.0.1" }),
      pod("b", { ip: "10.0.0.2", ready: false }),
      pod("c", { ip: "10.0.0.3", going: true }),
    ];
    const { subsets } = planEndpoints(service(), slicesOf(service(), pods));
    expect(subsets).toMatchObject([
      {
        addresses: [{ ip: "10.0.0.1", nodeName: "node-1", targetRef: { name: "a" } }],
        notReadyAddresses: [{ ip: "10.0.0.2" }],
        ports: [{ name: "http", port: 8080, protocol: "TCP" }],
      },
    ]);
    expect(subsets).toHaveLength(1);
    expect(planEndpoints(service(), slicesOf(service(), [])).subsets).toBeUndefined();
  });
});
