/**
 * Raft's state machine: committed entries → applier → backend, watchers and waiting proposals. It
 * owns the order of these steps and the applied mark; what a request does is the applier's.
 *
 *     entry ─▶ proposals ─▶ requests ─▶ apply ─▶ watchers    one at a time, synchronous
 *     batch done ─▶ applied mark ─▶ commit (one batch) ─▶ results to proposals ─▶ waiting reads
 *
 * S1 the applied mark is in the same backend batch as the data it stands for, so a crash at any
 *    point replays to the same state.
 * S2 a result is given to its proposal only after its batch is committed to the backend's order.
 * S3 an entry at or below the applied index is not applied again; an entry is applied as a whole: no
 *    backend batch ends within one.
 */
import { AssertionError, type Clock } from "@sagong/base";
import {
  type Entry,
  proposalsOf,
  type SnapshotMetadata,
  type StateMachine,
  type StateMachineImage,
} from "@sagong/raft";
import type { Applier, ApplyContext, ApplyResult } from "../apply/applier.js";
import { AppliedMark, type InternalRequest, RequestBatch } from "../gen/store.js";
import { Lessor } from "../lease/lessor.js";
import { APPLIED_MARK_KEY } from "../mvcc/backend.js";
import { BLOCKS_CHECK_KEY } from "../mvcc/blocks-check.js";
import { MvccStore } from "../mvcc/mvcc-store.js";
import { readMark, StoreLoader } from "../mvcc/open-store.js";
import { sealValue } from "../mvcc/sealed-value.js";
import type { WatchableStore } from "../watch/watchable-store.js";
import type { Membership } from "./membership.js";
import type { Pair, StateMedium } from "./state-medium.js";

export interface KvStateMachineParts {
  readonly medium: StateMedium;
  readonly store: MvccStore;
  readonly lessor: Lessor;
  readonly applier: Applier;
  readonly watchable: WatchableStore;
  readonly membership: Membership;
  readonly clock: Clock;
}

/** Whoever wants to know what was applied; all synchronous, none may throw. */
export interface ApplyObserver {
  /** The results, in order, of the requests that `memberId` proposed from its `firstSequence`-th on. */
  onResults(
    proposal: { readonly memberId: bigint; readonly firstSequence: number },
    results: readonly ApplyResult[],
  ): void;
  /** After each batch: `index` is the last entry's. */
  onApplied(index: number): void;
}

/**
 * Bytes that the backend may be behind with. Above it, applying still goes on (it must, to be
 * deterministic), and the member takes no new requests until the disk has caught up.
 */
export const BACKLOG_BYTES_MAX: number = 256 * 1024 * 1024;

export class KvStateMachine implements StateMachine {
  readonly #parts: KvStateMachineParts;
  #observer: ApplyObserver | undefined;
  #index: number;
  #term: number;
  #replacement: Promise<void> | undefined;

  private constructor(parts: KvStateMachineParts, mark: AppliedMark) {
    this.#parts = parts;
    this.#index = mark.index;
    this.#term = mark.term;
  }

  /** Reads the whole state into memory. Rejects where the database is damaged. */
  static async open(parts: KvStateMachineParts): Promise<KvStateMachine> {
    return new KvStateMachine(parts, await load(parts, parts.medium.scan()));
  }

  /** Before raft starts; nothing is applied until then. */
  observe(observer: ApplyObserver): void {
    this.#observer = observer;
  }

  get appliedIndex(): number {
    return this.#index;
  }

  get appliedTerm(): number {
    return this.#term;
  }

  /**
   * Set while an image takes the database's place and nothing can be read: whoever reads waits for
   * it. Rejects where the member is about to stop.
   */
  get replacement(): Promise<void> | undefined {
    return this.#replacement;
  }

  apply(entries: readonly Entry[]): void {
    const { medium, store } = this.#parts;
    const nowMs = this.#parts.clock.monotonicMs();
    const batches: RequestBatch[] = [];
    const results: ApplyResult[][] = [];
    for (const entry of entries) {
      if (entry.index <= this.#index) continue;
      if (entry.index !== this.#index + 1) {
        throw new AssertionError(
          `Cannot apply entry ${entry.index}: ${this.#index} is applied, expected the next one`,
        );
      }
      this.#index = entry.index;
      this.#term = entry.term;
      const context = { term: entry.term, nowMs };
      // None in the entry by which a leader begins its term (Raft §8).
      for (const proposal of proposalsOf(entry)) {
        const batch = RequestBatch.decode(proposal);
        batches.push(batch);
        results.push(batch.requests.map((request) => this.#applyRequest(request, context)));
      }
    }
    const { revision, compactRevision } = store;
    const leasesCheck = this.#parts.lessor.check;
    const mark = { index: this.#index, term: this.#term, revision, compactRevision, leasesCheck };
    // Also where no block leaves with it: a mark that is there without the blocks before it shows.
    medium.put(BLOCKS_CHECK_KEY, store.log.check.encode());
    medium.put(APPLIED_MARK_KEY, sealValue(APPLIED_MARK_KEY, AppliedMark.encode(mark)));
    medium.commit();
    for (const [i, batch] of batches.entries()) this.#observer?.onResults(batch, results[i] ?? []);
    this.#observer?.onApplied(this.#index);
    this.#parts.watchable.flush();
  }

  #applyRequest(internal: InternalRequest, context: ApplyContext): ApplyResult {
    const { request } = internal;
    const { applier, membership, store, watchable } = this.#parts;
    if (request?.kind === "memberAttributes") {
      membership.apply(request.value);
      return { response: { header: undefined }, revision: store.revision, changes: [] };
    }
    const result = applier.apply(internal, context);
    if ("changes" in result && result.changes.length > 0) {
      watchable.notify(result.changes, result.revision);
    }
    return result;
  }

  async flush(): Promise<number> {
    const index = this.#index;
    await this.#parts.medium.flush();
    return index;
  }

  async openSnapshot(): Promise<StateMachineImage> {
    const image = await this.#parts.medium.openImage();
    const { index, term } = image.mark ? readMark(image.mark) : { index: 0, term: 0 };
    return { index, term, chunks: image.chunks, close: () => image.close() };
  }

  async installSnapshot(
    metadata: SnapshotMetadata,
    chunks: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const { medium, store, lessor, watchable, membership } = this.#parts;
    // Loaded aside: until the image has taken the database's place, readers have the old state.
    const next = {
      store: new MvccStore(medium, store.log.heldBytesMax),
      lessor: new Lessor(),
      membership: membership.empty(),
    };
    const ends = { resolve: (): void => {}, reject: (_error: unknown): void => {} };
    try {
      await medium.installImage(chunks, {
        inspect: async (pairs) => checkMark(await load(next, pairs), metadata),
        beforeSwap: () => {
          this.#replacement = new Promise((resolve, reject) =>
            Object.assign(ends, { resolve, reject }),
          );
          this.#replacement.catch(() => {}); // There may be no reader who waits.
        },
      });
    } catch (error) {
      ends.reject(error);
      throw error;
    }
    store.adopt(next.store);
    lessor.adopt(next.lessor);
    membership.adopt(next.membership);
    this.#index = metadata.index;
    this.#term = metadata.term;
    this.#replacement = undefined;
    watchable.resyncAll();
    ends.resolve();
    this.#observer?.onApplied(this.#index);
  }
}

async function load(
  into: Pick<KvStateMachineParts, "store" | "lessor" | "membership">,
  batches: AsyncIterable<readonly Pair[]>,
): Promise<AppliedMark> {
  const loader = new StoreLoader(into.store, into.lessor);
  for await (const pairs of batches) {
    loader.load(pairs);
    into.membership.load(pairs);
  }
  return loader.finish();
}

function checkMark(mark: AppliedMark, { index, term }: SnapshotMetadata): void {
  if (mark.index === index && mark.term === term) return;
  throw new RangeError(
    `the image is of index ${mark.index} and term ${mark.term}, expected ${index} and ${term}`,
  );
}
