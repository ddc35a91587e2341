/** Handles of the resources that our own components use. */
import type { Deployment, ReplicaSet } from "./gen/apps-v1.js";
import type { Lease } from "./gen/coordination-v1.js";
import type {
  ConfigMap,
  Endpoints,
  Event,
  Namespace,
  Node,
  Pod,
  Secret,
  Service,
  ServiceAccount,
} from "./gen/core-v1.js";
import type { EndpointSlice } from "./gen/discovery-v1.js";
import type { KubeObject, Resource } from "./resource.js";

function core<T extends KubeObject>(resource: string, kind: string): Resource<T> {
  return { group: "", version: "v1", resource, kind, namespaced: true };
}

export const PODS: Resource<Pod> = core("pods", "Pod");
export const SERVICES: Resource<Service> = core("services", "Service");
export const ENDPOINTS: Resource<Endpoints> = core("endpoints", "Endpoints");
export const CONFIG_MAPS: Resource<ConfigMap> = core("configmaps", "ConfigMap");
export const SECRETS: Resource<Secret> = core("secrets", "Secret");
export const SERVICE_ACCOUNTS: Resource<ServiceAccount> = core("serviceaccounts", "ServiceAccount");
export const EVENTS: Resource<Event> = core("events", "Event");
export const NAMESPACES: Resource<Namespace> = {
  ...core("namespaces", "Namespace"),
  namespaced: false,
};
export const NODES: Resource<Node> = { ...core("nodes", "Node"), namespaced: false };
export const DEPLOYMENTS: Resource<Deployment> = {
  group: "apps",
  version: "v1",
  resource: "deployments",
  kind: "Deployment",
  namespaced: true,
};
export const REPLICA_SETS: Resource<ReplicaSet> = {
  group: "apps",
  version: "v1",
  resource: "replicasets",
  kind: "ReplicaSet",
  namespaced: true,
};
export const LEASES: Resource<Lease> = {
  group: "coordination.k8s.io",
  version: "v1",
  resource: "leases",
  kind: "Lease",
  namespaced: true,
};
export const ENDPOINT_SLICES: Resource<EndpointSlice> = {
  group: "discovery.k8s.io",
  version: "v1",
  resource: "endpointslices",
  kind: "EndpointSlice",
  namespaced: true,
};
