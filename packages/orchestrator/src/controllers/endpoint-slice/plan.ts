/** The EndpointSlices of one service, from its pods. Pure. */
import type { Pod, Service } from "../../api/gen/core-v1.js";
import type { Endpoint, EndpointSlice } from "../../api/gen/discovery-v1.js";
import { controllerRef, hashText } from "../owned.js";
import { safeEncode } from "../../api/meta/generate-name.js";
import { isReady } from "../replica-set/deletion-order.js";

/** kube-controller-manager's --max-endpoints-per-slice. */
const MAX_ENDPOINTS = 100;

export const SERVICE_LABEL = "kubernetes.io/service-name";
export const MANAGED_BY_LABEL = "endpointslice.kubernetes.io/managed-by";
export const MANAGED_BY = "endpointslice-controller.k8s.io";
const HEADLESS_LABEL = "service.kubernetes.io/headless";

/**
 * The slices that should be there; undefined for services whose endpoints are not ours to make:
 * those that select nothing are filled by others, ExternalName has none.
 */
export function planEndpointSlices(
  service: Service,
  pods: readonly Pod[],
): EndpointSlice[] | undefined {
  const selector = Object.entries(service.spec?.selector ?? {});
  if (
    selector.length === 0 ||
    service.spec?.type === "ExternalName" ||
    service.metadata.deletionTimestamp !== undefined
  )
    return undefined;
  const chosen = pods
    .filter((pod) => selector.every(([key, value]) => pod.metadata.labels?.[key] === value))
    .filter(
      (pod) =>
        pod.status?.podIP && pod.status.phase !== "Succeeded" && pod.status.phase !== "Failed",
    )
    .toSorted((a, b) => (a.metadata.name ?? "").localeCompare(b.metadata.name ?? ""));
  // Pods whose named ports differ need slices of their own.
  const byPorts = new Map<string, Pod[]>();
  for (const pod of chosen) {
    const key = JSON.stringify(portsOf(service, pod));
    byPorts.set(key, [...(byPorts.get(key) ?? []), pod]);
  }
  if (byPorts.size === 0) byPorts.set(JSON.stringify(portsOf(service, undefined)), []);
  const slices: EndpointSlice[] = [];
  for (const group of byPorts.values()) {
    for (let at = 0; at === 0 || at < group.length; at += MAX_ENDPOINTS) {
      slices.push(
        slice(service, {
          index: slices.length,
          ports: portsOf(service, group[0]),
          pods: group.slice(at, at + MAX_ENDPOINTS),
        }),
      );
    }
  }
  return slices;
}

function portsOf(service: Service, pod: Pod | undefined): NonNullable<EndpointSlice["ports"]> {
  return (service.spec?.ports ?? []).flatMap(
    ({ name = "", protocol = "TCP", port, targetPort = port, appProtocol }) => {
      const number = typeof targetPort === "number" ? targetPort : namedPort(pod, targetPort);
      return number === undefined
        ? []
        : [{ name, protocol, port: number, ...(appProtocol === undefined ? {} : { appProtocol }) }];
    },
  );
}

function namedPort(pod: Pod | undefined, name: string): number | undefined {
  for (const { ports = [] } of pod?.spec?.containers ?? []) {
    const found = ports.find((port) => port.name === name);
    if (found) return found.containerPort;
  }
  return undefined;
}

function slice(
  service: Service,
  {
    index,
    ports,
    pods,
  }: {
    readonly index: number;
    readonly ports: EndpointSlice["ports"];
    readonly pods: readonly Pod[];
  },
): EndpointSlice {
  const { name = "", namespace, uid } = service.metadata;
  const suffix = safeEncode(hashText(`${uid}/${index}`)).slice(0, 5);
  return {
    metadata: {
      name: `${name}-${suffix}`,
      namespace,
      labels: {
        ...service.metadata.labels,
        ...(service.spec?.clusterIP === "None" ? { [HEADLESS_LABEL]: "" } : {}),
        [SERVICE_LABEL]: name,
        [MANAGED_BY_LABEL]: MANAGED_BY,
      },
      ownerReferences: [controllerRef(service, { apiVersion: "v1", kind: "Service" })],
    },
    addressType: "IPv4",
    endpoints: pods.map((pod) => endpoint(service, pod)),
    ports,
  };
}

function endpoint(service: Service, pod: Pod): Endpoint {
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const serving = isReady(pod);
  // "ready" is never true for what is terminating, unless the service asks for all (KEP-1672).
  const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating);
  const { name, namespace, uid } = pod.metadata;
  const { hostname, subdomain, nodeName } = pod.spec ?? {};
  const isNamed = hostname && subdomain === service.metadata.name;
  return {
    addresses: [pod.status?.podIP ?? ""],
    conditions: { ready, serving, terminating },
    ...(isNamed ? { hostname } : {}),
    ...(nodeName ? { nodeName } : {}),
    targetRef: { kind: "Pod", name, namespace, uid },
  };
}
