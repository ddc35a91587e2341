/**
 * The deterministic state machine: one request of the log after the other, the same on every
 * member. A refusal is a result, not a failure; what throws anything but `StoreError` stops the
 * member.
 */
import { unreachable } from "@sagong/base";
import {
  CompactionResponse,
  type DeleteRangeRequest,
  DeleteRangeResponse,
  type LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseRevokeResponse,
  type PutRequest,
  PutResponse,
  type RangeRequest,
  type RangeResponse,
  type RequestOp,
  ResponseHeader,
  type ResponseOp,
  type TxnRequest,
  type TxnResponse,
} from "../gen/rpc.js";
import { type InternalRequest, LeaseRecord, type LeaseRevocation } from "../gen/store.js";
import type { KeyValue } from "../gen/kv.js";
import type { Lessor } from "../lease/lessor.js";
import { type Backend, leaseKey } from "../mvcc/backend.js";
import { toBinaryString } from "../mvcc/binary-string.js";
import { keyRange } from "../mvcc/key-index.js";
import type { KeyHistory } from "../mvcc/key-history.js";
import type { Change } from "../mvcc/change.js";
import type { MvccStore } from "../mvcc/mvcc-store.js";
import { sealValue } from "../mvcc/sealed-value.js";
import { range } from "./range.js";
import { StoreError } from "./store-error.js";
import { chooseTxnPath, isReadOnlyTxn, operationsOn, runTxn, type TxnPath } from "./txn.js";

export type ApplyResponse =
  | PutResponse
  | DeleteRangeResponse
  | TxnResponse
  | CompactionResponse
  | LeaseGrantResponse
  | LeaseRevokeResponse;

/** `revision` is the store's after the request: what the response's header says. */
export type ApplyResult =
  | {
      readonly response: ApplyResponse;
      readonly revision: number;
      readonly changes: readonly Change[];
    }
  | { readonly error: StoreError; readonly revision: number };

export interface ApplyContext {
  readonly term: number;
  readonly nowMs: number;
}

/** etcd's limit, in seconds: about 285 years. */
const MAX_TTL_SECONDS = 9_000_000_000;

export class Applier {
  readonly #store: MvccStore;
  readonly #lessor: Lessor;
  readonly #backend: Backend;

  constructor(parts: {
    readonly store: MvccStore;
    readonly lessor: Lessor;
    readonly backend: Backend;
  }) {
    this.#store = parts.store;
    this.#lessor = parts.lessor;
    this.#backend = parts.backend;
  }

  apply({ request }: InternalRequest, context: ApplyContext): ApplyResult {
    try {
      const response = this.#dispatch(request, context);
      const changes = this.#store.endTransaction();
      return { response, revision: this.#store.revision, changes };
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (this.#store.hasChanges) {
        throw new Error(`A refused request left changes behind: ${error.message}`, {
          cause: error,
        });
      }
      return { error, revision: this.#store.revision };
    }
  }

  /** A read-only transaction, answered from the present state without the log. */
  evaluate(request: TxnRequest): TxnResponse {
    const path = chooseTxnPath(this.#store, request);
    return runTxn(request, path, (op) => this.#runRead(op));
  }

  #dispatch(request: InternalRequest["request"], context: ApplyContext): ApplyResponse {
    switch (request?.kind) {
      case "put":
        this.#checkPut(request.value);
        return this.#put(request.value);
      case "deleteRange":
        return this.#deleteRange(request.value);
      case "txn":
        return this.#txn(request.value);
      case "compact":
        this.#store.compact(request.value.revision);
        return CompactionResponse.create();
      case "leaseGrant":
        return this.#leaseGrant(request.value, context);
      case "leaseRevoke":
        return this.#leaseRevoke(request.value, context);
      case "memberAttributes":
        throw new Error(
          "Member attributes are the member's own to apply: they are not of the store",
        );
      case undefined:
        throw new Error("A log entry holds no request that this version knows");
      default:
        return unreachable(request, "request");
    }
  }

  /** All that can be refused, before anything is changed. */
  #checkPut(request: PutRequest): void {
    this.#checkPutLease(request);
    this.#checkPutKey(request);
  }

  #checkPutLease({ lease }: PutRequest): void {
    if (lease !== 0n && !this.#lessor.get(lease)) throw new StoreError("leaseNotFound");
  }

  #checkPutKey({ key, ignoreValue, ignoreLease }: PutRequest): void {
    if (!ignoreValue && !ignoreLease) return;
    if (!this.#store.get(toBinaryString(key))) throw new StoreError("keyNotFound");
  }

  #put(request: PutRequest): PutResponse {
    const key = this.#store.index.textOf(request.key);
    const wantsPrevious = request.prevKv || request.ignoreValue || request.ignoreLease;
    const previous = wantsPrevious ? this.#previous(key) : undefined;
    const lease = request.ignoreLease ? (previous?.lease ?? 0n) : request.lease;
    this.#store.put(key, {
      value: request.ignoreValue ? (previous?.value ?? request.value) : request.value,
      lease,
    });
    this.#lessor.attach(key, lease);
    return PutResponse.create({ prevKv: request.prevKv ? previous : undefined });
  }

  /** The pair as it stands, earlier operations of the same transaction included. */
  #previous(key: string): KeyValue | undefined {
    return this.#store.get(key, this.#store.writeRevision);
  }

  #deleteRange(request: DeleteRangeRequest): DeleteRangeResponse {
    const keys = keyRange(toBinaryString(request.key), toBinaryString(request.rangeEnd));
    const found: [string, KeyHistory, number][] = [];
    this.#store.forEachAt(keys, this.#store.writeRevision, (key, history, position) => {
      found.push([key, history, position]);
    });
    const prevKvs = request.prevKv
      ? found.map(([, history, position]) => this.#store.valueAt(history, position))
      : [];
    for (const [key, history] of found) {
      this.#store.delete(key, history);
      this.#lessor.attach(key, 0n);
    }
    return DeleteRangeResponse.create({ deleted: found.length, prevKvs });
  }

  #txn(request: TxnRequest): TxnResponse {
    const path = chooseTxnPath(this.#store, request);
    if (isReadOnlyTxn(request)) return runTxn(request, path, (op) => this.#runRead(op));
    this.#checkTxn(request, path);
    return runTxn(request, path, (op) => this.#runOp(op));
  }

  /**
   * A transaction is refused as a whole: nothing may fail once its first operation has run. Of
   * several faults the one is told that etcd finds first.
   */
  #checkTxn(request: TxnRequest, path: TxnPath): void {
    const ops = [...operationsOn(request, path)];
    for (const op of ops) {
      if (op.kind !== "requestPut") continue;
      this.#checkPutKey(op.value);
      this.#checkPutLease(op.value);
    }
    for (const op of ops) {
      if (op.kind === "requestRange") this.#store.readRevision(op.value.revision);
    }
  }

  #runOp(op: NonNullable<RequestOp["request"]>): ResponseOp {
    switch (op.kind) {
      case "requestRange":
        return answer("responseRange", this.#withHeader(this.#rangeInTxn(op.value)));
      case "requestPut":
        return answer("responsePut", this.#withHeader(this.#put(op.value)));
      case "requestDeleteRange":
        return answer("responseDeleteRange", this.#withHeader(this.#deleteRange(op.value)));
      case "requestTxn":
        throw new Error("A nested transaction is run by runTxn");
      default:
        return unreachable(op, "operation");
    }
  }

  #runRead(op: NonNullable<RequestOp["request"]>): ResponseOp {
    if (op.kind !== "requestRange") throw new Error(`A read-only transaction holds a ${op.kind}`);
    return answer("responseRange", this.#withHeader(range(this.#store, op.value)));
  }

  /** Inside a transaction a header carries the revision alone, as it is after the operation. */
  #withHeader<T extends { readonly header: ResponseHeader | undefined }>(response: T): T {
    const { hasChanges, writeRevision, revision } = this.#store;
    const header = ResponseHeader.create({ revision: hasChanges ? writeRevision : revision });
    return { ...response, header };
  }

  /** A read of the latest revision sees what the transaction has written so far. */
  #rangeInTxn(request: RangeRequest): RangeResponse {
    return range(this.#store, request, { latest: this.#store.writeRevision });
  }

  #leaseGrant(request: LeaseGrantRequest, { nowMs }: ApplyContext): LeaseGrantResponse {
    if (request.ttl > MAX_TTL_SECONDS) throw new StoreError("leaseTtlTooLarge");
    if (this.#lessor.get(request.id)) throw new StoreError("leaseExists");
    const { id, ttl } = request;
    this.#lessor.grant(id, ttl, nowMs);
    const key = leaseKey(id);
    this.#backend.put(key, sealValue(key, LeaseRecord.encode({ id, ttl })));
    return LeaseGrantResponse.create({ id, ttl });
  }

  #leaseRevoke(
    { id, expiredInTerm }: LeaseRevocation,
    { term }: ApplyContext,
  ): LeaseRevokeResponse {
    if (!this.#lessor.get(id)) throw new StoreError("leaseNotFound");
    // Found expired by a leader of another term: the lease may have been renewed since.
    if (expiredInTerm !== 0 && expiredInTerm !== term) throw new StoreError("leaseNotFound");
    for (const key of this.#lessor.revoke(id)) {
      const history = this.#store.index.get(key);
      if (history && !history.isDeleted) this.#store.delete(key, history);
    }
    this.#backend.delete(leaseKey(id));
    return LeaseRevokeResponse.create();
  }
}

type Answer = NonNullable<ResponseOp["response"]>;

function answer<Kind extends Answer["kind"]>(
  kind: Kind,
  value: Extract<Answer, { readonly kind: Kind }>["value"],
): ResponseOp {
  return { response: { kind, value } as Answer }; // The two go together by the type of `value`.
}
