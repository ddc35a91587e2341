import { implement, type ServiceImplementation } from "@sagong/rpc";
import { KvService } from "../gen/rpc.js";
import type { KvApi } from "./store-api.js";

/** etcdserverpb.KV. RangeStream is left out: clients fall back to Range upon Unimplemented. */
export function createKvService(kv: KvApi): ServiceImplementation {
  return implement(KvService, {
    range: (request) => kv.range(request),
    put: (request) => kv.put(request),
    deleteRange: (request) => kv.deleteRange(request),
    txn: (request) => kv.txn(request),
    compact: (request) => kv.compact(request),
  });
}
