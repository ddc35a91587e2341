export {
  type DeleteOptions,
  INITIAL_EVENTS_END,
  type ListOptions,
  type ObjectClient,
  type PatchOptions,
  type PatchType,
  type RequestOptions,
  type UpdateOptions,
  type WatchOptions,
  type WriteOptions,
} from "./object-client.js";
// Kubernetes REST, for tools that work with any API server
export {
  ConnectionError,
  type Kubeconfig,
  KubeconfigError,
  type KubeconfigSource,
  loadKubeconfig,
  queryText,
  type QueryValue,
  resourcePath,
  type ResourcePath,
  RestConnection,
  RestObjectClient,
  type RestRequest,
} from "./rest/index.js";
// The types of the Kubernetes API as tables, for tools that make patches
export { loadSchema } from "../schema-facts.js";
