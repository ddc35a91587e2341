// Running a member
export { type RunningStore, startStore, type StoreDependencies } from "./member/start-store.js";
export { DataDirError } from "./member/data-dir.js";
export { ListenError } from "./member/listeners.js";
// Its settings
export {
  checkStoreConfig,
  type InitialMember,
  STORE_DEFAULTS,
  type StoreConfig,
} from "./config/store-config.js";
export { parseStoreUrls, type Parsed, type StoreUrl } from "./config/store-url.js";
export {
  type Environment,
  type LoadedConfig,
  loadStoreConfig,
} from "./config/load-store-config.js";
export { storeHelp } from "./config/store-help.js";
// Versions
export { ETCD_API_VERSION, SAGONG_VERSION } from "./version.js";
