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
