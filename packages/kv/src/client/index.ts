export { createStoreClient, type StoreClientOptions } from "./create-store-client.js";
export {
  type ClientCallOptions,
  CompactedError,
  type StoreClient,
  type StoreWatch,
  type WatchBatch,
  type WatchSpec,
} from "./store-client.js";
// The messages that it speaks
export { type Event, EventType, type KeyValue } from "../gen/kv.js";
export {
  Compare,
  CompareResult,
  CompareTarget,
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  type RangeResponse,
  type RequestOp,
  type ResponseOp,
  SortOrder,
  SortTarget,
  TxnRequest,
  type TxnResponse,
} from "../gen/rpc.js";
