/** A request of the language, done over a channel to one member and answered in the language. */
import { KvService } from "@sagong/kv/testing";
import { type CallOptions, type Channel, type RpcError, StatusCode } from "@sagong/rpc";
import type { KvRequest, KvResponse, Outcome } from "./history.js";
import {
  compactAnswer,
  deleteAnswer,
  putAnswer,
  rangeAnswer,
  toCompaction,
  toDelete,
  toPut,
  toRange,
  toTxn,
  txnAnswer,
} from "./wire.js";

const { range, put, deleteRange, txn, compact } = KvService.methods;

/** Never repeated here: a second copy would be another operation. Rejects with `RpcError`. */
export async function callStore(
  channel: Channel,
  request: KvRequest,
  options?: CallOptions,
): Promise<KvResponse> {
  switch (request.kind) {
    case "range":
      return rangeAnswer(await channel.unary(range, toRange(request), options));
    case "put":
      return putAnswer(await channel.unary(put, toPut(request), options));
    case "delete":
      return deleteAnswer(await channel.unary(deleteRange, toDelete(request), options));
    case "txn":
      return txnAnswer(await channel.unary(txn, toTxn(request), options));
    case "compact":
      return compactAnswer(await channel.unary(compact, toCompaction(request), options));
  }
}

/** Codes with which a store says that it has done nothing and will do nothing. */
const REFUSALS: ReadonlySet<StatusCode> = new Set([
  StatusCode.invalidArgument,
  StatusCode.notFound,
  StatusCode.permissionDenied,
  StatusCode.resourceExhausted,
  StatusCode.failedPrecondition,
  StatusCode.outOfRange,
  StatusCode.unimplemented,
  StatusCode.unauthenticated,
]);

/** All of the store's own texts begin so; others with the same codes are the transport's. */
const STORE_TEXT = "etcdserver: ";

/**
 * What an error says of the operation. Refused only where the store itself says so with a code that
 * excludes an effect, or nobody was there to hear the request. Everything else leaves it open:
 * Unavailable is also said of requests that were proposed and are committed later, and so are
 * timeouts, broken connections, and whatever the transport could not read.
 */
export function outcomeOf(error: RpcError): Outcome {
  const text = error.message;
  const isRefused = (REFUSALS.has(error.code) && text.startsWith(STORE_TEXT)) || wasNotSent(error);
  return { kind: isRefused ? "refused" : "unknown", error: text };
}

/** Nobody listened at the address. */
function wasNotSent({ code, message }: RpcError): boolean {
  return code === StatusCode.unavailable && message.includes("ECONNREFUSED");
}
