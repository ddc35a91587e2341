// Checks of what clients of a store saw
export { checkKvHistory } from "./linearizability/check-kv-history.js";
export { checkEvents, type KvEvent } from "./linearizability/check-events.js";
export type { Comparison, Found, KeyOperation } from "./linearizability/key-model.js";
export type { KvSpan } from "./linearizability/kv-history.js";
export type { Span } from "./linearizability/check-linearizability.js";
// The wire, for tests that ask a member for what `StoreClient` does not
export {
  AlarmRequest,
  AlarmType,
  CompactionRequest,
  DeleteRangeRequest,
  FilterType,
  HashKVRequest,
  KvService,
  LeaseGrantRequest,
  LeaseKeepAliveRequest,
  LeaseLeasesRequest,
  LeaseRevokeRequest,
  LeaseService,
  LeaseTimeToLiveRequest,
  MaintenanceService,
  PutRequest,
  RangeRequest,
  StatusRequest,
  TxnRequest,
  WatchCreateRequest,
  type WatchResponse,
  WatchService,
} from "../gen/rpc.js";
