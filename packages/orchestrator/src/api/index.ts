export { ApiError, isApiError, type StatusReason } from "./api-status.js";
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
