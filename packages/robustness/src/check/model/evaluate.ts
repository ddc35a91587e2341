/**
 * The sequential model of the store: what a request must answer, and which events it must make, on the
 * state of a revision (etcd's API reference, "KV"; etcd API guarantees). This is written from the
 * documents and shares nothing with the store's own code.
 *
 * E1 a request that changes anything makes exactly one revision, the next one.
 * E2 comparisons see the state before the transaction; its steps see those before them.
 * E3 deleting nothing changes nothing.
 */
import { unreachable } from "@sagong/base";
import type {
  CompactOp,
  DeleteAnswer,
  DeleteOp,
  KvPair,
  KvRequest,
  KvResponse,
  PutAnswer,
  PutOp,
  RangeAnswer,
  RangeOp,
  TxnCompare,
  TxnOp,
  TxnStep,
} from "../../history/history.js";
import type { KeyRange } from "./key-range.js";
import type { StoreEvent, VersionedStore } from "./versioned-store.js";

export interface Evaluation {
  readonly answer: KvResponse;
  /** Empty where it changes nothing. */
  readonly events: readonly StoreEvent[];
  /** False where it depends on what nobody saw: then neither of the two above is to be judged by. */
  readonly isCertain: boolean;
}

/** `request` on the state of `revision`; whether it is refused is not asked here. */
export function evaluate(
  store: VersionedStore,
  revision: number,
  request: Exclude<KvRequest, CompactOp>,
): Evaluation {
  const draft = new Draft(store, revision);
  const answer = request.kind === "txn" ? runTxn(draft, request) : runStep(draft, request);
  const { events, isCertain } = draft;
  return { answer: { ...answer, revision: draft.revision }, events, isCertain };
}

/** A revision's state, and what a request has changed so far. */
class Draft {
  readonly events: StoreEvent[] = [];
  isCertain = true;
  readonly #store: VersionedStore;
  readonly #base: number;
  readonly #changed = new Map<string, KvPair | undefined>();

  constructor(store: VersionedStore, base: number) {
    this.#store = store;
    this.#base = base;
  }

  /** As headers say it: the next one from the first change on. */
  get revision(): number {
    return this.events.length > 0 ? this.#base + 1 : this.#base;
  }

  get nextRevision(): number {
    return this.#base + 1;
  }

  get(key: string): KvPair | undefined {
    return this.#changed.has(key) ? this.#changed.get(key) : this.getAt(key, this.#base);
  }

  /** In a revision of the past, or before the request. */
  getAt(key: string, revision: number): KvPair | undefined {
    if (!this.#store.isCertain(key, revision)) this.isCertain = false;
    return this.#store.get(key, revision);
  }

  /**
   * `revision` undefined: as it stands now. Keys that this very request creates are among the store's,
   * which knows all that anybody may write.
   */
  range(keys: KeyRange, revision?: number): readonly KvPair[] {
    const found: KvPair[] = [];
    for (const key of this.#store.keysIn(keys)) {
      const pair = revision === undefined ? this.get(key) : this.getAt(key, revision);
      if (pair) found.push(pair);
    }
    return found;
  }

  change(key: string, pair: KvPair | undefined): void {
    this.#changed.set(key, pair);
    const modRevision = this.nextRevision;
    this.events.push(pair ? { kind: "put", kv: pair } : { kind: "delete", key, modRevision });
  }
}

function runTxn(draft: Draft, { compares, success, failure }: TxnOp): KvResponse {
  const succeeded = compares.every((compare) => holds(draft.get(compare.key), compare));
  const answers = (succeeded ? success : failure).map((step) => runStep(draft, step));
  return { kind: "txn", revision: draft.revision, succeeded, answers };
}

function runStep(draft: Draft, step: TxnStep): RangeAnswer | PutAnswer | DeleteAnswer {
  switch (step.kind) {
    case "range":
      return runRange(draft, step);
    case "put":
      return runPut(draft, step);
    case "delete":
      return runDelete(draft, step);
    default:
      return unreachable(step, "step");
  }
}

/** `count` is of all that match; `more` says that the limit cut the list. */
function runRange(draft: Draft, op: RangeOp): RangeAnswer {
  const { revision } = draft;
  const past = op.revision !== undefined && op.revision > 0 ? op.revision : undefined;
  const all = draft.range(op, past);
  const count = all.length;
  if (op.countOnly) return { kind: "range", revision, kvs: [], count, more: false };
  const limit = op.limit !== undefined && op.limit > 0 ? op.limit : count;
  const cut = all.slice(0, limit);
  const kvs = op.keysOnly ? cut.map((pair) => ({ ...pair, value: "" })) : cut;
  return { kind: "range", revision, kvs, count, more: count > kvs.length };
}

/** A put without a lease detaches the old one; a key that was deleted begins at version 1 again. */
function runPut(draft: Draft, { key, value, lease, prevKv }: PutOp): PutAnswer {
  const previous = draft.get(key);
  const revision = draft.nextRevision;
  draft.change(key, {
    key,
    value,
    createRevision: previous?.createRevision ?? revision,
    modRevision: revision,
    version: (previous?.version ?? 0) + 1,
    ...(lease !== undefined && lease !== "0" && { lease }),
  });
  return { kind: "put", revision, ...(prevKv && previous && { prevKv: previous }) };
}

function runDelete(draft: Draft, op: DeleteOp): DeleteAnswer {
  const found = draft.range(op);
  for (const { key } of found) draft.change(key, undefined);
  const { revision } = draft;
  return { kind: "delete", revision, deleted: found.length, prevKvs: op.prevKv ? found : [] };
}

/** A key that is missing counts as 0, and no comparison of its value holds, `!=` neither. */
function holds(pair: KvPair | undefined, { target, result, operand }: TxnCompare): boolean {
  switch (target) {
    case "value":
      return pair !== undefined && isSo(pair.value, result, String(operand));
    case "mod":
      return isSo(pair?.modRevision ?? 0, result, Number(operand));
    case "create":
      return isSo(pair?.createRevision ?? 0, result, Number(operand));
    case "version":
      return isSo(pair?.version ?? 0, result, Number(operand));
    default:
      return unreachable(target, "target");
  }
}

function isSo<T extends string | number>(a: T, result: TxnCompare["result"], b: T): boolean {
  switch (result) {
    case "=":
      return a === b;
    case "!=":
      return a !== b;
    case "<":
      return a < b;
    case ">":
      return a > b;
    default:
      return unreachable(result, "result");
  }
}
