export { ApiError, isApiError, qualifiedResource, type StatusReason } from "./api-status.js";
export {
  apiVersionOf,
  type KubeObject,
  keyOf,
  keyText,
  type ObjectKey,
  type ObjectList,
  type Resource,
  type WatchEvent,
} from "./resource.js";
export {
  CONFIG_MAPS,
  DEPLOYMENTS,
  ENDPOINT_SLICES,
  ENDPOINTS,
  EVENTS,
  LEASES,
  NAMESPACES,
  NODES,
  PODS,
  REPLICA_SETS,
  SECRETS,
  SERVICE_ACCOUNTS,
  SERVICES,
} from "./resources.js";
// The nouns, generated from the schema
export type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from "./gen/apps-v1.js";
export type { Lease } from "./gen/coordination-v1.js";
export type {
  ConfigMap,
  Container,
  ContainerState,
  ContainerStatus,
  Endpoints,
  EnvVar,
  Event,
  Namespace,
  Node,
  Pod,
  PodSpec,
  PodTemplateSpec,
  Probe,
  Secret,
  Service,
  ServiceAccount,
  Toleration,
  Volume,
} from "./gen/core-v1.js";
export type { EndpointSlice } from "./gen/discovery-v1.js";
export type { LabelSelector, ObjectMeta, OwnerReference, Status } from "./gen/meta-v1.js";
// What tools need to know as the server does
export { type FieldFacts, Schema, type TypeRef } from "./schema/schema.js";
export { equalTrees, isTree, type Tree } from "./patch/json-tree.js";
export { strategicMergePatch } from "./patch/strategic-merge-patch.js";
export { mergePatch, mergePatchBetween } from "./patch/merge-patch.js";
export { milliOf, parseQuantity, unitsOf } from "./meta/quantity.js";
export { ageOf, humanDuration } from "./printing/duration.js";
export { matchesLabels, selectorText } from "./selectors/label-selector.js";
