/** The whole state machine on a memory backend, with requests by short words, for tests. */
import { encodeUtf8, VirtualClock } from "@sagong/base";
import { Applier, type ApplyResult } from "../apply/applier.js";
import { MemoryBackend } from "../backend/memory-backend.js";
import {
  CompactionRequest,
  DeleteRangeRequest,
  LeaseGrantRequest,
  PutRequest,
  RangeRequest,
  type TxnRequest,
} from "../gen/rpc.js";
import { InternalRequest } from "../gen/store.js";
import { Lessor } from "../lease/lessor.js";
import { MvccStore } from "../mvcc/mvcc-store.js";
import { WatchableStore, type WatchableStoreOptions } from "../watch/watchable-store.js";

export const text = (value: string): Uint8Array => encodeUtf8(value);

export class StateFixture {
  readonly backend: MemoryBackend = new MemoryBackend();
  readonly store: MvccStore = new MvccStore(this.backend);
  readonly lessor: Lessor = new Lessor();
  readonly applier: Applier = new Applier(this);
  readonly watchable: WatchableStore;
  /** Watchers are told at the end of such a batch rather than after each request. */
  isBatching = false;

  constructor(watch: WatchableStoreOptions = { clock: new VirtualClock() }) {
    this.watchable = new WatchableStore(this.store, watch);
  }

  apply(request: InternalRequest["request"], term = 1): ApplyResult {
    const result = this.applier.apply(InternalRequest.create({ request }), { term, nowMs: 0 });
    if ("changes" in result && result.changes.length > 0) {
      this.watchable.notify(result.changes, result.revision);
    }
    if (!this.isBatching) this.watchable.flush();
    return result;
  }

  put(key: string, value: string, more: Partial<PutRequest> = {}): ApplyResult {
    const request = PutRequest.create({ key: text(key), value: text(value), ...more });
    return this.apply({ kind: "put", value: request });
  }

  delete(key: string, rangeEnd = ""): ApplyResult {
    const request = DeleteRangeRequest.create({ key: text(key), rangeEnd: text(rangeEnd) });
    return this.apply({ kind: "deleteRange", value: request });
  }

  txn(value: TxnRequest): ApplyResult {
    return this.apply({ kind: "txn", value });
  }

  compact(revision: number): ApplyResult {
    return this.apply({ kind: "compact", value: CompactionRequest.create({ revision }) });
  }

  grant(id: bigint, ttl: number): ApplyResult {
    return this.apply({ kind: "leaseGrant", value: LeaseGrantRequest.create({ id, ttl }) });
  }

  /** Runs the clean-up of a compaction to its end. */
  cleanUp(keysAStep = 3): void {
    while (!this.store.compactStep(keysAStep)) this.backend.commit();
  }

  hash(revision = 0): number {
    const steps = this.store.hash(revision);
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value.hash;
    }
  }
}

export function rangeRequest(key: string, more: Partial<RangeRequest> = {}): RangeRequest {
  return RangeRequest.create({ key: text(key), ...more });
}
