import { implement, type ServiceImplementation } from "@sagong/rpc";
import { KvService } from "../gen/rpc.js";
import type { KvApi } from "./store-api.js";

/** etcdserverpb.KV. RangeStream is left out: clients fall back to Range upon Unimplemented. */
export function createKvService(kv: KvApi): ServiceImplementation {
  return implement(KvService, {
    range: (request) => kv.range(request),
    put: (request, call) => kv.put(request, call.encodedRequest),
    deleteRange: (request, call) => kv.deleteRange(request, call.encodedRequest),
    txn: (request, call) => kv.txn(request, call.encodedRequest),
    compact: (request) => kv.compact(request),
  });
}
