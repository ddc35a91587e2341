export {
  type Kubeconfig,
  KubeconfigError,
  type KubeconfigSource,
  loadKubeconfig,
} from "./kubeconfig.js";
export { ConnectionError, RestConnection, type RestRequest } from "./rest-connection.js";
export { RestObjectClient } from "./rest-object-client.js";
export { queryText, type QueryValue, type ResourcePath, resourcePath } from "./rest-path.js";
