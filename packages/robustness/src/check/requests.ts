/** What requests may do, whichever way a transaction goes. */
import type { KvRequest, Operation, TxnStep } from "../history/history.js";
import { isInRange } from "./model/key-range.js";

export function stepsOf({ request }: Operation): readonly TxnStep[] {
  switch (request.kind) {
    case "txn":
      return [...request.success, ...request.failure];
    case "compact":
      return [];
    default:
      return [request];
  }
}

/** Whether this request, if it was done, may have deleted `key`. */
export function mayDelete(operation: Operation, key: string): boolean {
  return stepsOf(operation).some((step) => step.kind === "delete" && isInRange(step, key));
}

export function isDeleting(operation: Operation): boolean {
  return stepsOf(operation).some(({ kind }) => kind === "delete");
}

export function putKeysOf(request: KvRequest): readonly string[] {
  if (request.kind === "put") return [request.key];
  return request.kind === "txn" ? [...request.success, ...request.failure].flatMap(putKeysOf) : [];
}

export function putValuesOf(request: KvRequest): readonly string[] {
  if (request.kind === "put") return [request.value];
  return request.kind === "txn"
    ? [...request.success, ...request.failure].flatMap(putValuesOf)
    : [];
}
