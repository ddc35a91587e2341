/**
 * Who must see which event. Transactions are noted as they are applied, and flushed once a batch:
 * watchers that have everything (the head cohort) are offered what is new, several transactions in
 * one response. Who is behind is brought up in bounded steps (`CatchUp`). Nothing is queued for one
 * whose sink is full, since history is in the store.
 *
 *     create ──start <= revision──▶ behind: older history ──▶ recent changes ──caught up──▶ head
 *        │                             ▲                                                     │
 *        └──start > revision──▶ head   └──room again── stalled ◀──────────sink full──────────┘
 *
 * W1 a watcher gets each event of its range from its start on once, in order (Ordered, Unique,
 *    Reliable), all of a revision's together (Atomic).
 * W2 no event below a watcher's startRevision is delivered, also when that lies in the future
 *    (etcd issue 20221).
 * W3 what is announced as delivered (progress) has been offered and accepted before.
 */
import type { Clock } from "@sagong/base";
import type { Change } from "../mvcc/change.js";
import type { MvccStore } from "../mvcc/mvcc-store.js";
import { beginRecent, CatchUp } from "./catch-up.js";
import { Cohort, type CohortServices } from "./cohort.js";
import type { EventBlock } from "./event-block.js";
import { RecentChanges } from "./recent-changes.js";
import type { Watcher, WatchSink } from "./watcher.js";
import { DEFAULT_WATCH_LIMITS, type WatchLimits } from "./watch-limits.js";

export interface WatchableStoreOptions {
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly limits?: WatchLimits;
}

/** Offers that wait at most before what was offered leaves: sending takes of the turn's time too. */
const OFFERS_A_FLUSH = 1_024;

export class WatchableStore {
  readonly #store: MvccStore;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #limits: WatchLimits;
  readonly #recent: RecentChanges;
  /** Those who have everything that was flushed. */
  readonly #head: Cohort;
  readonly #behind: CatchUp;
  #unflushedBytes = 0;
  /** Sinks that were offered something since they were flushed. */
  #offered = new Set<WatchSink>();
  #lastOffered: WatchSink | undefined;
  #onCurrent: (() => void)[] = [];
  #turnEndMs = 0;
  #offers = 0;
  readonly #isTimeUp = (): boolean => {
    if (this.#offers >= OFFERS_A_FLUSH) this.#flushSinks();
    return this.#clock.monotonicMs() >= this.#turnEndMs;
  };

  constructor(store: MvccStore, { clock, limits = DEFAULT_WATCH_LIMITS }: WatchableStoreOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#limits = limits;
    this.#recent = new RecentChanges(limits.recentBytes);
    const cohorts: CohortServices = {
      previous: ({ key, revision }) => store.bytesBefore(key, revision),
      offer: (watcher, block) => this.#offer(watcher, block),
      onRefused: (watcher) => this.#behind.stall(watcher),
    };
    this.#head = new Cohort(0, cohorts);
    this.#behind = new CatchUp({
      store,
      recent: this.#recent,
      cohorts,
      isTimeUp: this.#isTimeUp,
      limits,
      onCaughtUp: (watcher) => this.#join(watcher),
      onCompacted: (watcher, compactRevision) => {
        watcher.isCancelled = true;
        watcher.sink.onCompacted(watcher, compactRevision);
        this.#offered.add(watcher.sink);
      },
    });
  }

  /** There is something for `catchUp` to do, now or once a sink has room. */
  get hasBehind(): boolean {
    return !this.#behind.isEmpty || !this.#isHeadCurrent;
  }

  create(watcher: Watcher): void {
    if (watcher.from <= 0) watcher.from = this.#store.revision + 1;
    this.#behind.place(watcher);
    this.#flushSinks();
  }

  cancel(watcher: Watcher): void {
    watcher.isCancelled = true;
    if (watcher.place === this.#head) this.#head.remove(watcher);
    else this.#behind.remove(watcher);
  }

  /** Whether everything up to the store's revision has been delivered to it. */
  isCurrent(watcher: Watcher): boolean {
    return watcher.place === this.#head && this.#isHeadCurrent;
  }

  /** Whether it has everything but what is being delivered right now; see `whenCurrent`. */
  isNearlyCurrent(watcher: Watcher): boolean {
    return watcher.place === this.#head;
  }

  /** Calls back, once, when what was applied has been offered to all who had everything before. */
  whenCurrent(callback: () => void): void {
    if (this.#isHeadCurrent) callback();
    else this.#onCurrent.push(callback);
  }

  /** Notes a transaction's changes, right after it was applied. */
  notify(changes: readonly Change[], revision: number): void {
    if (this.#head.size === 0 && this.#behind.isEmpty) {
      // Nobody watches: to keep them would cost every write a good part of its garbage collection.
      if (!this.#recent.isEmpty) this.#recent.clear();
      return;
    }
    this.#unflushedBytes += this.#recent.append(changes, revision);
    if (this.#unflushedBytes >= this.#limits.sliceBytes) this.flush();
  }

  /** After a batch of transactions: offers them to those who watch, as far as the time allows. */
  flush(): void {
    this.#unflushedBytes = 0;
    if (this.#head.size === 0) this.#head.skipTo(this.#store.revision + 1);
    if (this.#head.size === 0 && this.#onCurrent.length === 0) return;
    this.#beginTurn();
    this.#advanceHead();
    this.#flushSinks();
  }

  /**
   * Brings those behind forward, for a few milliseconds; true where any of them moved. It is to be
   * called again while `hasBehind`: at once where it moved some, later where it did not.
   */
  catchUp(): boolean {
    this.#beginTurn();
    const isHeadBehind = !this.#isHeadCurrent;
    if (isHeadBehind) this.#advanceHead();
    const hasMoved = this.#behind.run() || isHeadBehind;
    this.#flushSinks();
    return hasMoved;
  }

  /** The store was replaced by an image: everyone reads on from where they stand. */
  resyncAll(): void {
    const watchers = [...this.#head.disband(), ...this.#behind.disband()];
    this.#recent.clear();
    this.#unflushedBytes = 0;
    this.#head.skipTo(this.#store.revision + 1);
    this.#behind.placeAll(watchers);
    this.#tellCurrent();
    this.#flushSinks();
  }

  get #isHeadCurrent(): boolean {
    const head = this.#head;
    return head.size === 0 || (!head.isBusy && head.position > this.#store.revision);
  }

  /** A slice that is under way has nothing for it: it needs only what is to come (G2). */
  #join(watcher: Watcher): void {
    const head = this.#head;
    if (head.size === 0) head.skipTo(this.#store.revision + 1);
    head.add(watcher);
  }

  #advanceHead(): void {
    const head = this.#head;
    const recent = this.#recent;
    while (!this.#isHeadCurrent) {
      if (!head.isBusy && !recent.has(head.position)) {
        // So far behind that what is next has gone: each reads on as those behind do.
        const watchers = head.disband();
        head.skipTo(this.#store.revision + 1);
        this.#behind.placeAll(watchers);
        continue;
      }
      if (!head.isBusy) {
        beginRecent(head, { recent, end: this.#store.revision, limits: this.#limits });
      }
      if (!head.run(this.#isTimeUp)) return;
    }
    this.#tellCurrent();
  }

  #tellCurrent(): void {
    if (this.#onCurrent.length === 0) return;
    const callbacks = this.#onCurrent;
    this.#onCurrent = [];
    // What was offered goes out first.
    this.#flushSinks();
    for (const callback of callbacks) callback();
  }

  #offer(watcher: Watcher, block: EventBlock): boolean {
    const { sink } = watcher;
    if (!sink.offer(watcher, block)) return false;
    this.#offers++;
    if (sink !== this.#lastOffered) {
      this.#lastOffered = sink;
      this.#offered.add(sink);
    }
    return true;
  }

  #beginTurn(): void {
    this.#turnEndMs = this.#clock.monotonicMs() + this.#limits.turnMs;
  }

  /** Sinks may end watchers: whoever walks over some is prepared for it (`Cohort.run`). */
  #flushSinks(): void {
    this.#offers = 0;
    if (this.#offered.size === 0) return;
    const sinks = this.#offered;
    this.#offered = new Set();
    this.#lastOffered = undefined;
    for (const sink of sinks) sink.flush();
  }
}
