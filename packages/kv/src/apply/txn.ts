/**
 * Transactions (etcd API guarantees, "Txn"): every comparison, of nested ones too, is made on the
 * state before the transaction; then the chosen operations run in order inside one revision.
 */
import { compareBytes } from "@sagong/base";
import {
  type Compare,
  CompareResult,
  CompareTarget,
  type RequestOp,
  ResponseHeader,
  type ResponseOp,
  type TxnRequest,
  TxnResponse,
} from "../gen/rpc.js";
import type { KeyValue } from "../gen/kv.js";
import { toBinaryString } from "../mvcc/binary-string.js";
import { keyRange } from "../mvcc/key-index.js";
import type { MvccStore } from "../mvcc/mvcc-store.js";

/** Which branch runs, of the transaction and of those nested in that branch, by position. */
export interface TxnPath {
  readonly succeeded: boolean;
  readonly nested: ReadonlyMap<number, TxnPath>;
}

export function chooseTxnPath(store: MvccStore, request: TxnRequest): TxnPath {
  const succeeded = request.compare.every((compare) => holds(store, compare));
  const nested = new Map<number, TxnPath>();
  for (const [i, { request: op }] of (succeeded ? request.success : request.failure).entries()) {
    if (op?.kind === "requestTxn") nested.set(i, chooseTxnPath(store, op.value));
  }
  return { succeeded, nested };
}

/** The operations that will run, in order; of nested transactions theirs, not themselves. */
export function* operationsOn(
  request: TxnRequest,
  path: TxnPath,
): Generator<NonNullable<RequestOp["request"]>> {
  for (const [i, { request: op }] of chosenOps(request, path).entries()) {
    const inner = path.nested.get(i);
    if (op?.kind === "requestTxn" && inner) yield* operationsOn(op.value, inner);
    else if (op) yield op;
  }
}

/** The operations of the chosen branch. */
function chosenOps(request: TxnRequest, path: TxnPath): readonly RequestOp[] {
  return path.succeeded ? request.success : request.failure;
}

/** Runs the chosen branch; `run` does what is not a nested transaction. */
export function runTxn(
  request: TxnRequest,
  path: TxnPath,
  run: (op: NonNullable<RequestOp["request"]>) => ResponseOp,
): TxnResponse {
  const responses = chosenOps(request, path).map(({ request: op }, i): ResponseOp => {
    const inner = path.nested.get(i);
    if (op?.kind === "requestTxn" && inner) {
      return { response: { kind: "responseTxn", value: runTxn(op.value, inner, run) } };
    }
    if (op === undefined) return { response: undefined };
    return run(op);
  });
  // etcd leaves a nested transaction's header empty; the outermost one's is filled in by the member.
  return TxnResponse.create({
    succeeded: path.succeeded,
    responses,
    header: ResponseHeader.create(),
  });
}

/** Only ranges, none nested: such a transaction needs no place in the log. */
export function isReadOnlyTxn({ success, failure }: TxnRequest): boolean {
  return [...success, ...failure].every(({ request }) => request?.kind === "requestRange");
}

/** Whether a read-only transaction may be answered by this member alone. */
export function isSerializableTxn({ success, failure }: TxnRequest): boolean {
  return [...success, ...failure].every(
    ({ request }) => request?.kind === "requestRange" && request.value.serializable,
  );
}

/** All keys of the range must satisfy it; where there is none, the key that is missing does or not. */
function holds(store: MvccStore, compare: Compare): boolean {
  const key = toBinaryString(compare.key);
  if (compare.rangeEnd.length === 0) return holdsFor(compare, store.get(key));
  let all = true;
  let any = false;
  const keys = keyRange(key, toBinaryString(compare.rangeEnd));
  store.forEachAt(keys, store.revision, (_key, history, position) => {
    any = true;
    all = holdsFor(compare, store.valueAt(history, position));
    return !all;
  });
  return any ? all : holdsFor(compare, undefined);
}

function holdsFor(compare: Compare, kv: KeyValue | undefined): boolean {
  const difference = differenceOf(compare, kv);
  // A value comparison with a key that is missing is never true, NOT_EQUAL included.
  if (difference === undefined) return false;
  switch (compare.result) {
    case CompareResult.EQUAL:
      return difference === 0;
    case CompareResult.NOT_EQUAL:
      return difference !== 0;
    case CompareResult.GREATER:
      return difference > 0;
    case CompareResult.LESS:
      return difference < 0;
    default:
      return true; // etcd compares nothing for a result it does not know.
  }
}

function differenceOf(compare: Compare, kv: KeyValue | undefined): number | undefined {
  const { targetUnion } = compare;
  const wanted = (kind: string): number =>
    targetUnion?.kind === kind && typeof targetUnion.value === "number" ? targetUnion.value : 0;
  switch (
    compare.target as CompareTargetValue // Unknown targets go to the default.
  ) {
    case CompareTarget.VERSION:
      return (kv?.version ?? 0) - wanted("version");
    case CompareTarget.CREATE:
      return (kv?.createRevision ?? 0) - wanted("createRevision");
    case CompareTarget.MOD:
      return (kv?.modRevision ?? 0) - wanted("modRevision");
    case CompareTarget.LEASE: {
      const lease = targetUnion?.kind === "lease" ? targetUnion.value : 0n;
      return Number((kv?.lease ?? 0n) - lease);
    }
    case CompareTarget.VALUE: {
      if (!kv) return undefined;
      const value = targetUnion?.kind === "value" ? targetUnion.value : new Uint8Array(0);
      return compareBytes(kv.value, value);
    }
    default:
      return 0;
  }
}

type CompareTargetValue = (typeof CompareTarget)[keyof typeof CompareTarget];
