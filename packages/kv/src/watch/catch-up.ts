/**
 * Those who are behind, and how they are brought up, a bounded step at a time. Where the recent
 * changes have what they need they go in cohorts, the hindmost first, so that it meets the others
 * and the changes are read once for all. Before that, those of few keys read their own keys'
 * history, each alone, and the others read everyone's in cohorts. Whose sink is full waits for it.
 */
import { isSingleKey, type KeyRange } from "../mvcc/key-index.js";
import type { Change } from "../mvcc/change.js";
import type { MvccStore } from "../mvcc/mvcc-store.js";
import { changesFor, Cohort, type CohortServices } from "./cohort.js";
import { EventBlock } from "./event-block.js";
import { bytesOf, type RecentChanges } from "./recent-changes.js";
import { PREV_KV, type Watcher, type WatchSink } from "./watcher.js";
import type { WatchLimits } from "./watch-limits.js";

export interface CatchUpDependencies {
  readonly store: MvccStore;
  readonly recent: RecentChanges;
  readonly cohorts: CohortServices;
  readonly isTimeUp: () => boolean;
  readonly limits: WatchLimits;
  /** The watcher has everything up to the store's revision. */
  readonly onCaughtUp: (watcher: Watcher) => void;
  /** What the watcher still needs has been compacted. */
  readonly onCompacted: (watcher: Watcher, compactRevision: number) => void;
}

/** Revisions read from the store between two looks at the time. */
const REVISIONS_A_LOOK = 8;
/** The window of one who reads alone grows below the first and shrinks above the second. */
const WINDOW_BYTES_MIN = 16 * 1024;
const WINDOW_BYTES_MAX = 128 * 1024;
const WINDOW_FACTOR = 4;

export class CatchUp {
  readonly #dependencies: CatchUpDependencies;
  /** By position; none of them has a slice under way. */
  readonly #waiting = new Map<number, Cohort>();
  /** Those with a slice under way. */
  #busy: Cohort[] = [];
  readonly #alone = new Set<Watcher>();
  readonly #stalled = new Map<WatchSink, Set<Watcher>>();

  constructor(dependencies: CatchUpDependencies) {
    this.#dependencies = dependencies;
  }

  get isEmpty(): boolean {
    return (
      this.#waiting.size === 0 &&
      this.#busy.length === 0 &&
      this.#alone.size === 0 &&
      this.#stalled.size === 0
    );
  }

  /** Takes a watcher that is nowhere to where it belongs by its `from`. */
  place(watcher: Watcher): void {
    if (watcher.isCancelled) return;
    const { store, recent, cohorts, onCaughtUp, onCompacted } = this.#dependencies;
    const { from } = watcher;
    if (from > store.revision) {
      onCaughtUp(watcher);
    } else if (from < store.compactRevision) {
      onCompacted(watcher, store.compactRevision);
    } else if (!recent.has(from) && this.#hasFewKeys(watcher.range)) {
      watcher.place = "alone";
      this.#alone.add(watcher);
    } else {
      let cohort = this.#waiting.get(from);
      if (!cohort) this.#waiting.set(from, (cohort = new Cohort(from, cohorts)));
      cohort.add(watcher);
    }
  }

  placeAll(watchers: readonly Watcher[]): void {
    for (const watcher of watchers) this.place(watcher);
  }

  /** It stands at its `from` until its sink has room. */
  stall(watcher: Watcher): void {
    watcher.place = "stalled";
    const known = this.#stalled.get(watcher.sink);
    if (known) known.add(watcher);
    else this.#stalled.set(watcher.sink, new Set([watcher]));
  }

  /** Forgets a watcher that is somewhere here. */
  remove(watcher: Watcher): void {
    const { place, sink } = watcher;
    watcher.place = undefined;
    if (place === "alone") {
      this.#alone.delete(watcher);
    } else if (place === "stalled") {
      const watchers = this.#stalled.get(sink);
      watchers?.delete(watcher);
      if (watchers?.size === 0) this.#stalled.delete(sink);
    } else if (place) {
      place.remove(watcher);
      if (place.size === 0) this.#forget(place);
    }
  }

  /** Everyone but those who wait for their sinks leaves, and stands at their `from`. */
  disband(): Watcher[] {
    const cohorts = [...this.#busy, ...this.#waiting.values()];
    const watchers = [...this.#alone, ...cohorts.flatMap((cohort) => cohort.disband())];
    this.#busy = [];
    this.#waiting.clear();
    this.#alone.clear();
    return watchers;
  }

  /** Goes on until the time is up; true where any of them moved. */
  run(): boolean {
    let hasMoved = this.#readmit();
    // Each kind in turn, so that neither a long history nor many of one kind holds up the others.
    do {
      const moved = [this.#stepRecent(), this.#stepAlone(), this.#stepOld()];
      if (!moved.includes(true)) break;
      hasMoved = true;
    } while (!this.#dependencies.isTimeUp());
    return hasMoved;
  }

  /** Those whose sink has room again go on; true where there were any. */
  #readmit(): boolean {
    let hasMoved = false;
    for (const [sink, watchers] of this.#stalled) {
      if (sink.isFull) continue;
      this.#stalled.delete(sink);
      this.placeAll([...watchers]);
      hasMoved = true;
    }
    return hasMoved;
  }

  #hasFewKeys(range: KeyRange): boolean {
    if (isSingleKey(range)) return true;
    const { store, limits } = this.#dependencies;
    let count = 0;
    store.index.forEach(range, () => ++count > limits.aloneKeys);
    return count <= limits.aloneKeys;
  }

  // ── In cohorts ───────────────────────────────────────────────────────────────────────────────

  /** A step of the hindmost cohort that is within the recent changes. */
  #stepRecent(): boolean {
    const { recent, store, limits } = this.#dependencies;
    const { cohort, next } = this.#nextCohort((position) => recent.has(position));
    if (!cohort) return false;
    if (!cohort.isBusy) {
      this.#waiting.delete(cohort.position);
      beginRecent(cohort, { recent, end: Math.min(store.revision, next - 1), limits });
    }
    this.#run(cohort);
    return true;
  }

  /** The same with what only the store has. */
  #stepOld(): boolean {
    const { recent, store } = this.#dependencies;
    const { cohort, next } = this.#nextCohort((position) => !recent.has(position));
    if (!cohort) return false;
    if (!cohort.isBusy) {
      this.#waiting.delete(cohort.position);
      // Those of single keys were among the recent changes until these went: they go on alone.
      if (cohort.position < store.compactRevision || cohort.hasSingleKeys) {
        this.placeAll(cohort.disband());
        return true;
      }
      const end = recent.isEmpty ? store.revision : recent.first - 1;
      this.#beginOld(cohort, Math.min(end, next - 1));
    }
    this.#run(cohort);
    return true;
  }

  /** Of those that match: one with a slice under way, or the hindmost; and the position before it. */
  #nextCohort(matches: (position: number) => boolean): {
    readonly cohort: Cohort | undefined;
    readonly next: number;
  } {
    let cohort = this.#busy.find(({ position }) => matches(position));
    let next = Number.POSITIVE_INFINITY;
    if (cohort) return { cohort, next };
    for (const [position, other] of this.#waiting) {
      if (cohort && position > cohort.position) {
        next = Math.min(next, position);
      } else if (matches(position)) {
        if (cohort) next = cohort.position;
        cohort = other;
      }
    }
    return { cohort, next };
  }

  #beginOld(cohort: Cohort, end: number): void {
    const { store, limits, isTimeUp } = this.#dependencies;
    const transactions: (readonly Change[])[] = [];
    let to = cohort.position - 1;
    let bytes = 0;
    while (to < end && bytes < limits.sliceBytes && transactions.length < limits.sliceRevisions) {
      const changes = store.changesAt(++to);
      transactions.push(changes);
      bytes += bytesOf(changes);
      if (transactions.length % REVISIONS_A_LOOK === 0 && isTimeUp()) break;
    }
    cohort.begin(transactions, to);
  }

  #run(cohort: Cohort): void {
    const { store, isTimeUp } = this.#dependencies;
    const isDone = cohort.run(isTimeUp);
    this.#busy = this.#busy.filter((other) => other !== cohort);
    if (cohort.size === 0) return;
    if (!isDone) {
      this.#busy.push(cohort);
      return;
    }
    const other = this.#waiting.get(cohort.position);
    if (cohort.position > store.revision) this.placeAll(cohort.disband());
    else if (other) this.#merge(cohort, other);
    else this.#waiting.set(cohort.position, cohort);
  }

  /** Both are at the same position. */
  #merge(a: Cohort, b: Cohort): void {
    const [small, large] = a.size < b.size ? [a, b] : [b, a];
    for (const watcher of small.disband()) large.add(watcher);
    this.#waiting.set(large.position, large);
  }

  #forget(cohort: Cohort): void {
    this.#busy = this.#busy.filter((other) => other !== cohort);
    if (this.#waiting.get(cohort.position) === cohort) this.#waiting.delete(cohort.position);
  }

  // ── Alone ────────────────────────────────────────────────────────────────────────────────────

  /** The first in line takes one window of its keys' history. */
  #stepAlone(): boolean {
    const [watcher] = this.#alone;
    if (!watcher) return false;
    this.#alone.delete(watcher);
    watcher.place = undefined;
    const { store, cohorts } = this.#dependencies;
    const { range, from, variant } = watcher;
    if (from < store.compactRevision) {
      this.place(watcher);
      return true;
    }
    const to = Math.min(store.revision, from + watcher.window - 1);
    const changes = changesFor(store.changesBetween(range, { from, to }), variant);
    resizeWindow(watcher, bytesOf(changes));
    if (changes.length > 0) {
      const previous = (variant & PREV_KV) === 0 ? {} : { previous: cohorts.previous };
      if (!cohorts.offer(watcher, new EventBlock(changes, { revision: to, ...previous }))) {
        this.stall(watcher);
        return true;
      }
    }
    watcher.from = to + 1;
    this.place(watcher);
    return true;
  }
}

/** Takes up the recent changes from the cohort's position on, at most up to revision `end`. */
export function beginRecent(
  cohort: Cohort,
  options: {
    readonly recent: RecentChanges;
    readonly end: number;
    readonly limits: WatchLimits;
  },
): void {
  const { recent, end, limits } = options;
  const transactions: (readonly Change[])[] = [];
  let to = cohort.position - 1;
  let bytes = 0;
  while (to < end && bytes < limits.sliceBytes && transactions.length < limits.sliceRevisions) {
    const changes = recent.at(++to);
    transactions.push(changes);
    bytes += bytesOf(changes);
  }
  cohort.begin(transactions, to);
}

function resizeWindow(watcher: Watcher, bytes: number): void {
  if (bytes < WINDOW_BYTES_MIN) watcher.window *= WINDOW_FACTOR;
  else if (bytes > WINDOW_BYTES_MAX) watcher.window = Math.ceil(watcher.window / WINDOW_FACTOR);
}
