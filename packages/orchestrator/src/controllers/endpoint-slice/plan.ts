/** The EndpointSlices of one service, from its pods. Pure. */
import type { Pod, Service } from "../../api/gen/core-v1.js";
import type { Endpoint, EndpointSlice } from "../../api/gen/discovery-v1.js";
import { controllerRef, hashText } from "../owned.js";
import { safeEncode } from "../../api/meta/generate-name.js";
import { isReady } from "../replica-set/plan.js";

/** kube-controller-manager's --max-endpoints-per-slice. */
const MAX_ENDPOINTS = 100;

/** The slices that should be there; none for services that select nothing. */
export function planEndpointSlices(service: Service, pods: readonly Pod[]): EndpointSlice[] {
  const selector = Object.entries(service.spec?.selector ?? {});
  if (
    selector.length === 0 ||
    service.spec?.type === "ExternalName" ||
    service.metadata.deletionTimestamp !== undefined
  )
    return [];
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
  for (const [ports, group] of byPorts) {
    for (let at = 0; at === 0 || at < group.length; at += MAX_ENDPOINTS) {
      slices.push(
        slice(service, {
          index: slices.length,
          ports: JSON.parse(ports) as EndpointSlice["ports"],
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
        "kubernetes.io/service-name": name,
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
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
  const serving = isReady(pod) || service.spec?.publishNotReadyAddresses === true;
  const { name, namespace, uid } = pod.metadata;
  return {
    addresses: [pod.status?.podIP ?? ""],
    conditions: { ready: serving && !terminating, serving, terminating },
    ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: { kind: "Pod", name, namespace, uid },
  };
}
