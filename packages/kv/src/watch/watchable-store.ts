/**
 * Who must see which event. Transactions are noted as they are applied, and flushed once a batch:
 * watchers that have everything (the head cohort) are offered what is new, several transactions in
 * one response. Who is behind is brought up in bounded steps: from the changes that are still in
 * memory, together with all others at the same position; or from older history in the store. One
 * whose sink is full waits for it, and nothing is queued for it, since history is in the store.
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
import { isSingleKey, type KeyRange } from "../mvcc/key-index.js";
import type { MvccStore } from "../mvcc/mvcc-store.js";
import { changesFor, Cohort, type CohortServices } from "./cohort.js";
import { EventBlock, type PreviousBytes } from "./event-block.js";
import { bytesOf, RecentChanges } from "./recent-changes.js";
import { PREV_KV, type Watcher, type WatchSink } from "./watcher.js";

/** What one response may carry, and what is read in one go: a transaction more at the most. */
const SLICE_BYTES = 128 * 1024;
/** etcd's. */
const SLICE_REVISIONS = 1_000;
/** So long may one turn offer events before others are let in; the rest follows in later turns. */
const TURN_MS = 4;
/** A range of at most so many keys reads its own keys' history rather than everyone's. */
const ALONE_KEYS_MAX = 256;
/** Revisions read from the store between two looks at the time. */
const REVISIONS_A_LOOK = 8;
/** The window of one who reads alone grows below the first and shrinks above the second. */
const WINDOW_BYTES_MIN = 16 * 1024;
const WINDOW_BYTES_MAX = 128 * 1024;
const WINDOW_FACTOR = 4;

export class WatchableStore implements CohortServices {
  readonly #store: MvccStore;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #recent = new RecentChanges();
  /** Those who have everything that was flushed. */
  readonly #head: Cohort;
  #unflushedBytes = 0;
  /** Those behind, by position; none of them has a slice under way. */
  readonly #behind = new Map<number, Cohort>();
  /** Those behind with a slice under way. */
  #busy: Cohort[] = [];
  /** Those who read the history of their own few keys. */
  readonly #alone = new Set<Watcher>();
  readonly #stalled = new Map<WatchSink, Set<Watcher>>();
  /** Sinks that were offered something since they were flushed. */
  #offered = new Set<WatchSink>();
  #lastOffered: WatchSink | undefined;
  #onCurrent: (() => void)[] = [];
  #turnEndMs = 0;
  readonly #isTimeUp = (): boolean => this.#clock.monotonicMs() >= this.#turnEndMs;

  constructor(store: MvccStore, { clock }: { readonly clock: Pick<Clock, "monotonicMs"> }) {
    this.#store = store;
    this.#clock = clock;
    this.#head = new Cohort(0, this);
  }

  /** There is something for `catchUp` to do, now or once a sink has room. */
  get hasBehind(): boolean {
    return (
      this.#behind.size > 0 ||
      this.#busy.length > 0 ||
      this.#alone.size > 0 ||
      this.#stalled.size > 0 ||
      !this.#isHeadCurrent
    );
  }

  create(watcher: Watcher): void {
    const { revision } = this.#store;
    if (watcher.from <= 0) watcher.from = revision + 1;
    this.#place(watcher);
    this.#endTurn();
  }

  cancel(watcher: Watcher): void {
    const { place, sink } = watcher;
    watcher.isCancelled = true;
    watcher.place = undefined;
    if (place === "alone") this.#alone.delete(watcher);
    else if (place === "stalled") this.#unstall(watcher, sink);
    else if (place) {
      place.remove(watcher);
      if (place.size === 0 && place !== this.#head) this.#forget(place);
    }
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
    this.#recent.append(changes, revision);
    this.#unflushedBytes += bytesOf(changes);
    if (this.#unflushedBytes >= SLICE_BYTES) this.flush();
  }

  /** After a batch of transactions: offers them to those who watch, as far as the time allows. */
  flush(): void {
    this.#unflushedBytes = 0;
    if (this.#head.size === 0) {
      this.#head.skipTo(this.#store.revision + 1);
      if (this.#onCurrent.length === 0) return;
    }
    this.#beginTurn();
    this.#advanceHead();
    this.#endTurn();
  }

  /**
   * Brings those behind forward, for a few milliseconds; true where any of them moved. It is to be
   * called again while `hasBehind`: at once where it moved some, later where it did not.
   */
  catchUp(): boolean {
    this.#beginTurn();
    let hasMoved = this.#readmit();
    if (!this.#isHeadCurrent) {
      this.#advanceHead();
      hasMoved = true;
    }
    // Each kind in turn, so that neither a long history nor many of one kind holds up the others.
    do {
      const moved = [this.#stepRecent(), this.#stepAlone(), this.#stepOld()];
      if (!moved.includes(true)) break;
      hasMoved = true;
    } while (!this.#isTimeUp());
    this.#endTurn();
    return hasMoved;
  }

  /** The store was replaced by an image: everyone reads on from where they stand. */
  resyncAll(): void {
    const cohorts = [this.#head, ...this.#busy, ...this.#behind.values()];
    this.#busy = [];
    this.#behind.clear();
    this.#recent.clear();
    const watchers = cohorts.flatMap((cohort) => cohort.disband());
    this.#head.skipTo(this.#store.revision + 1);
    for (const watcher of watchers) this.#place(watcher);
    this.#tellCurrent();
    this.#endTurn();
  }

  // ── What cohorts ask for ─────────────────────────────────────────────────────────────────────

  readonly previous: PreviousBytes = ({ key, revision }) => this.#store.bytesBefore(key, revision);

  readonly offer = (watcher: Watcher, block: EventBlock): boolean => {
    const { sink } = watcher;
    if (!sink.offer(watcher, block)) return false;
    if (sink !== this.#lastOffered) {
      this.#lastOffered = sink;
      this.#offered.add(sink);
    }
    return true;
  };

  readonly onRefused = (watcher: Watcher): void => {
    watcher.place = "stalled";
    const known = this.#stalled.get(watcher.sink);
    if (known) known.add(watcher);
    else this.#stalled.set(watcher.sink, new Set([watcher]));
  };

  // ── Those who have everything ────────────────────────────────────────────────────────────────

  get #isHeadCurrent(): boolean {
    const head = this.#head;
    return head.size === 0 || (!head.isBusy && head.position > this.#store.revision);
  }

  #advanceHead(): void {
    const head = this.#head;
    while (!this.#isHeadCurrent) {
      if (!head.isBusy) {
        if (this.#recent.has(head.position)) this.#begin(head, this.#store.revision);
        else this.#disband(head);
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

  // ── Those behind ─────────────────────────────────────────────────────────────────────────────

  /** Puts a watcher that is nowhere to where it belongs by its `from`. */
  #place(watcher: Watcher): void {
    if (watcher.isCancelled) return;
    const { from, sink } = watcher;
    const { revision, compactRevision } = this.#store;
    const head = this.#head;
    if (from > revision) {
      if (head.size === 0) head.skipTo(revision + 1);
      head.add(watcher);
    } else if (from < compactRevision) {
      watcher.isCancelled = true;
      sink.onCompacted(watcher, compactRevision);
      this.#offered.add(sink);
    } else if (!this.#recent.has(from) && this.#hasFewKeys(watcher.range)) {
      watcher.place = "alone";
      this.#alone.add(watcher);
    } else {
      let cohort = this.#behind.get(from);
      if (!cohort) this.#behind.set(from, (cohort = new Cohort(from, this)));
      cohort.add(watcher);
    }
  }

  #hasFewKeys(range: KeyRange): boolean {
    if (isSingleKey(range)) return true;
    let count = 0;
    this.#store.index.forEach(range, () => ++count > ALONE_KEYS_MAX);
    return count <= ALONE_KEYS_MAX;
  }

  /** A step of the hindmost cohort that is within the recent changes: it then meets the others. */
  #stepRecent(): boolean {
    const [recent, next] = this.#hindmost((position) => this.#recent.has(position));
    const cohort = this.#busy.find(({ position }) => this.#recent.has(position)) ?? recent;
    if (!cohort) return false;
    if (!cohort.isBusy) {
      this.#behind.delete(cohort.position);
      this.#begin(cohort, Math.min(this.#store.revision, next - 1));
    }
    this.#run(cohort);
    return true;
  }

  /** The same with what only the store has. */
  #stepOld(): boolean {
    const [old, next] = this.#hindmost((position) => !this.#recent.has(position));
    const cohort = this.#busy.find(({ position }) => !this.#recent.has(position)) ?? old;
    if (!cohort) return false;
    if (!cohort.isBusy) {
      this.#behind.delete(cohort.position);
      // Those of single keys were among the recent changes until these went: they go on alone.
      if (cohort.position < this.#store.compactRevision || cohort.hasSingleKeys) {
        this.#disband(cohort);
        return true;
      }
      const end = this.#recent.isEmpty ? this.#store.revision : this.#recent.first - 1;
      const { transactions, to } = this.#readHistory(cohort.position, Math.min(end, next - 1));
      cohort.begin(transactions, to);
    }
    this.#run(cohort);
    return true;
  }

  #run(cohort: Cohort): void {
    const isDone = cohort.run(this.#isTimeUp);
    this.#busy = this.#busy.filter((other) => other !== cohort);
    if (cohort.size === 0) return;
    if (!isDone) {
      this.#busy.push(cohort);
      return;
    }
    const { position } = cohort;
    const other = this.#behind.get(position);
    if (position > this.#store.revision) this.#disband(cohort);
    else if (!other) this.#behind.set(position, cohort);
    else this.#merge(cohort, other);
  }

  /** Both are at the same position. */
  #merge(a: Cohort, b: Cohort): void {
    const [small, large] = a.size < b.size ? [a, b] : [b, a];
    for (const watcher of small.disband()) large.add(watcher);
    this.#behind.set(large.position, large);
  }

  /** Everyone of it goes to where they belong. */
  #disband(cohort: Cohort): void {
    const watchers = cohort.disband();
    if (cohort === this.#head) cohort.skipTo(this.#store.revision + 1);
    for (const watcher of watchers) this.#place(watcher);
  }

  /** One who reads alone takes one window of its keys' history. */
  #stepAlone(): boolean {
    const [watcher] = this.#alone;
    if (!watcher) return false;
    this.#alone.delete(watcher);
    watcher.place = undefined;
    const { revision, compactRevision } = this.#store;
    const { range, from, variant } = watcher;
    if (from < compactRevision) {
      this.#place(watcher);
      return true;
    }
    const to = Math.min(revision, from + watcher.window - 1);
    const changes = changesFor(this.#store.changesBetween(range, { from, to }), variant);
    const bytes = bytesOf(changes);
    if (bytes < WINDOW_BYTES_MIN) watcher.window *= WINDOW_FACTOR;
    else if (bytes > WINDOW_BYTES_MAX) watcher.window = Math.ceil(watcher.window / WINDOW_FACTOR);
    if (changes.length > 0 && !this.offer(watcher, this.#blockFor(watcher, changes, to))) {
      this.onRefused(watcher);
      return true;
    }
    watcher.from = to + 1;
    this.#place(watcher);
    return true;
  }

  #blockFor({ variant }: Watcher, changes: readonly Change[], revision: number): EventBlock {
    const { previous } = this;
    return new EventBlock(changes, {
      revision,
      ...((variant & PREV_KV) === 0 ? {} : { previous }),
    });
  }

  /** The cohort with the lowest position of those that match, and the next position above it. */
  #hindmost(matches: (position: number) => boolean): [Cohort | undefined, number] {
    let cohort: Cohort | undefined;
    let next = Number.POSITIVE_INFINITY;
    for (const [position, other] of this.#behind) {
      if (cohort && position > cohort.position) {
        next = Math.min(next, position);
      } else if (matches(position)) {
        if (cohort) next = cohort.position;
        cohort = other;
      }
    }
    return [cohort, next];
  }

  /** Takes up the recent changes from the cohort's position on, at most up to `end`. */
  #begin(cohort: Cohort, end: number): void {
    const transactions: (readonly Change[])[] = [];
    let to = cohort.position - 1;
    let bytes = 0;
    while (to < end && bytes < SLICE_BYTES && transactions.length < SLICE_REVISIONS) {
      const changes = this.#recent.at(++to);
      transactions.push(changes);
      bytes += bytesOf(changes);
    }
    cohort.begin(transactions, to);
  }

  #readHistory(
    from: number,
    end: number,
  ): { readonly transactions: readonly (readonly Change[])[]; readonly to: number } {
    const transactions: (readonly Change[])[] = [];
    let to = from - 1;
    let bytes = 0;
    while (to < end && bytes < SLICE_BYTES && transactions.length < SLICE_REVISIONS) {
      const changes = this.#store.changesAt(++to);
      transactions.push(changes);
      bytes += bytesOf(changes);
      if (transactions.length % REVISIONS_A_LOOK === 0 && this.#isTimeUp()) break;
    }
    return { transactions, to };
  }

  /** Those whose sink has room again go on; true where there were any. */
  #readmit(): boolean {
    let hasMoved = false;
    for (const [sink, watchers] of this.#stalled) {
      if (sink.isFull) continue;
      this.#stalled.delete(sink);
      for (const watcher of watchers) this.#place(watcher);
      hasMoved = true;
    }
    return hasMoved;
  }

  #unstall(watcher: Watcher, sink: WatchSink): void {
    const watchers = this.#stalled.get(sink);
    watchers?.delete(watcher);
    if (watchers?.size === 0) this.#stalled.delete(sink);
  }

  #forget(cohort: Cohort): void {
    this.#busy = this.#busy.filter((other) => other !== cohort);
    if (this.#behind.get(cohort.position) === cohort) this.#behind.delete(cohort.position);
  }

  #beginTurn(): void {
    this.#turnEndMs = this.#clock.monotonicMs() + TURN_MS;
  }

  #endTurn(): void {
    if (this.#offered.size > 0) this.#flushSinks();
  }

  #flushSinks(): void {
    const sinks = this.#offered;
    this.#offered = new Set();
    this.#lastOffered = undefined;
    for (const sink of sinks) sink.flush();
  }
}
