/**
 * What etcd refuses before a request enters the log: the edge calls these, so that nothing invalid
 * is ever proposed. All throw `StoreError`.
 */
import {
  type CompactionRequest,
  type DeleteRangeRequest,
  type PutRequest,
  type RangeRequest,
  type RequestOp,
  SortOrder,
  SortTarget,
  type TxnRequest,
} from "../gen/rpc.js";
import { toBinaryString } from "../mvcc/binary-string.js";
import { contains, type KeyRange, keyRange } from "../mvcc/key-index.js";
import { StoreError } from "./store-error.js";

const SORT_ORDERS = new Set<number>(Object.values(SortOrder));
const SORT_TARGETS = new Set<number>(Object.values(SortTarget));

export function validateRange(request: RangeRequest): void {
  if (request.key.length === 0) throw new StoreError("emptyKey");
  if (!SORT_ORDERS.has(request.sortOrder) || !SORT_TARGETS.has(request.sortTarget)) {
    throw new StoreError("invalidSortOption");
  }
}

export function validatePut(request: PutRequest): void {
  if (request.key.length === 0) throw new StoreError("emptyKey");
  if (request.ignoreValue && request.value.length > 0) throw new StoreError("valueProvided");
  if (request.ignoreLease && request.lease !== 0n) throw new StoreError("leaseProvided");
}

export function validateDeleteRange(request: DeleteRangeRequest): void {
  if (request.key.length === 0) throw new StoreError("emptyKey");
}

export function validateCompaction(_request: CompactionRequest): void {
  // Its revision is judged when it is applied: only then is the current one known.
}

/** Also the nested ones, each with what budget of operations is left. */
export function validateTxn(request: TxnRequest, maxOps: number): void {
  checkOps(request, maxOps);
  checkOverlap(request.success);
  checkOverlap(request.failure);
}

function checkOps(request: TxnRequest, maxOps: number): void {
  const { compare, success, failure } = request;
  const ops = Math.max(compare.length, success.length, failure.length);
  if (ops > maxOps) throw new StoreError("tooManyOps");
  for (const { key } of compare) if (key.length === 0) throw new StoreError("emptyKey");
  for (const op of [...success, ...failure]) checkOp(op, maxOps - ops);
}

function checkOp({ request }: RequestOp, budget: number): void {
  switch (request?.kind) {
    case "requestRange":
      return validateRange(request.value);
    case "requestPut":
      return validatePut(request.value);
    case "requestDeleteRange":
      return validateDeleteRange(request.value);
    case "requestTxn":
      return checkOps(request.value, budget);
    case undefined:
      throw new StoreError("keyNotFound"); // etcd's odd text for an operation without content.
  }
}

interface Writes {
  readonly puts: Set<string>;
  readonly deletes: KeyRange[];
}

/**
 * No key is put twice, or put and deleted, on any path through the transaction. Then and else of a
 * nested transaction exclude each other, so each is held against what is around them, not against
 * the other.
 *
 * This is etcd's own check with its two gaps, because programs use what it lets pass: a deletion up
 * to the end of all keys (range_end "\0") clashes with nothing, so that one transaction can wipe and
 * write; and a nested transaction's deletions clash only with puts that come later.
 */
function checkOverlap(ops: readonly RequestOp[]): Writes {
  const all: Writes = { puts: new Set(), deletes: [] };
  for (const { request } of ops) {
    if (request?.kind !== "requestDeleteRange") continue;
    const rangeEnd = toBinaryString(request.value.rangeEnd);
    if (rangeEnd !== TO_THE_END) {
      all.deletes.push(keyRange(toBinaryString(request.value.key), rangeEnd));
    }
  }
  for (const { request } of ops) {
    if (request?.kind !== "requestTxn") continue;
    const branches = [checkOverlap(request.value.success), checkOverlap(request.value.failure)];
    for (const { puts } of branches) for (const key of puts) checkPut(key, all);
    for (const { puts, deletes } of branches) {
      for (const key of puts) all.puts.add(key);
      all.deletes.push(...deletes);
    }
  }
  for (const { request } of ops) {
    if (request?.kind !== "requestPut") continue;
    const key = toBinaryString(request.value.key);
    checkPut(key, all);
    all.puts.add(key);
  }
  return all;
}

const TO_THE_END = "\0";

function checkPut(key: string, { puts, deletes }: Writes): void {
  const clash = puts.has(key) || deletes.some((range) => contains(range, key));
  if (clash) throw new StoreError("duplicateKey");
}
