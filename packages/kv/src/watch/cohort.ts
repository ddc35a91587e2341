/**
 * Watchers that have come equally far and are served together: what they need is read once. A slice
 * of the changes that come next is taken up, offered to those whom it concerns, in as many turns as
 * it takes, and then the whole cohort stands behind it.
 *
 * G1 a watcher of it has everything below the greater of its `from` and the cohort's `position`.
 * G2 while a slice is under way, who has been offered it stands behind it by its own `from`; and
 *    only watchers that need nothing of it may join.
 */
import { EventType } from "../gen/kv.js";
import type { Change } from "../mvcc/change.js";
import { EventBlock, type PreviousBytes } from "./event-block.js";
import { NO_DELETE, NO_PUT, PREV_KV, type Watcher } from "./watcher.js";
import { WatchIndex } from "./watch-index.js";

export interface CohortServices {
  readonly previous: PreviousBytes;
  /** Offers the block to the watcher's sink. */
  readonly offer: (watcher: Watcher, block: EventBlock) => boolean;
  /** The watcher's sink is full: it has left the cohort, and stands at its `from`. */
  readonly onRefused: (watcher: Watcher) => void;
}

/** What a slice has for the watchers of one list. */
interface Job {
  readonly watchers: readonly Watcher[];
  readonly changes: readonly Change[];
  readonly variant: number;
  block: EventBlock | undefined;
}

/** Watchers that are looked at between two looks at the time. */
const WATCHERS_A_LOOK = 64;

export class Cohort {
  readonly #services: CohortServices;
  readonly #index = new WatchIndex();
  #position: number;
  #jobs: Job[] = [];
  /** The last revision of the slice under way. */
  #to: number | undefined;
  #looked = 0;

  constructor(position: number, services: CohortServices) {
    this.#position = position;
    this.#services = services;
  }

  /** The first revision that was not offered to all whom it concerns. */
  get position(): number {
    return this.#position;
  }

  get size(): number {
    return this.#index.size;
  }

  /** A slice is under way. */
  get isBusy(): boolean {
    return this.#to !== undefined;
  }

  add(watcher: Watcher): void {
    this.#index.add(watcher);
    watcher.place = this;
  }

  remove(watcher: Watcher): void {
    this.#index.remove(watcher);
    watcher.place = undefined;
  }

  get hasSingleKeys(): boolean {
    return this.#index.hasSingleKeys;
  }

  /** Everyone leaves, and stands at its `from`. */
  disband(): Watcher[] {
    const watchers: Watcher[] = [];
    this.#index.forEach((watcher) => watchers.push(watcher));
    for (const watcher of watchers) {
      this.remove(watcher);
      watcher.from = Math.max(watcher.from, this.#position);
    }
    this.#jobs = [];
    this.#to = undefined;
    return watchers;
  }

  /** There is nothing for anyone before `position`. */
  skipTo(position: number): void {
    this.#position = position;
    this.#jobs = [];
    this.#to = undefined;
  }

  /** Takes up the changes from its position to revision `to`; `run` offers them. */
  begin(transactions: Iterable<readonly Change[]>, to: number): void {
    for (const changes of transactions) {
      for (const change of changes) this.#index.collect(change);
    }
    for (const group of this.#index.takeFound()) {
      const { changes } = group;
      group.changes = [];
      for (const [variant, watchers] of group.lists.entries()) {
        if (!watchers || watchers.length === 0) continue;
        const wanted = changesFor(changes, variant);
        if (wanted.length === 0) continue;
        this.#jobs.push({ watchers, changes: wanted, variant, block: undefined });
      }
    }
    this.#to = to;
  }

  /**
   * Offers what is under way; true where all of it was, false where the time was up before.
   * `isTimeUp` may let sinks end watchers.
   */
  run(isTimeUp: () => boolean): boolean {
    const to = this.#to;
    if (to === undefined) return true;
    for (;;) {
      const job = this.#jobs.at(-1);
      if (!job) break;
      if (!this.#runJob(job, to, isTimeUp)) return false;
      this.#jobs.pop();
    }
    this.#to = undefined;
    this.#position = to + 1;
    return true;
  }

  /**
   * From the list's end, since those who are refused leave it, and the last takes their place: who
   * is met twice has it by its `from`. Anew after a pause, for the same reason.
   */
  #runJob(job: Job, to: number, isTimeUp: () => boolean): boolean {
    const { watchers } = job;
    const block = (job.block ??= this.#blockOf(job.changes, { variant: job.variant, to }));
    for (let i = watchers.length - 1; i >= 0; i--) {
      const watcher = watchers[i];
      // Beyond the end where a look at the time has let others go.
      if (!watcher || watcher.from > to) continue;
      const own = watcher.from <= block.firstRevision ? block : this.#partOf(job, watcher.from, to);
      if (own === undefined || this.#services.offer(watcher, own)) {
        watcher.from = to + 1;
      } else {
        this.remove(watcher);
        watcher.from = Math.max(watcher.from, this.#position);
        this.#services.onRefused(watcher);
      }
      if (++this.#looked % WATCHERS_A_LOOK === 0 && isTimeUp()) return false;
    }
    return true;
  }

  /** For one who begins within the slice. */
  #partOf({ changes, variant }: Job, from: number, to: number): EventBlock | undefined {
    const wanted = changes.filter(({ revision }) => revision >= from);
    return wanted.length === 0 ? undefined : this.#blockOf(wanted, { variant, to });
  }

  #blockOf(
    changes: readonly Change[],
    { variant, to }: { readonly variant: number; readonly to: number },
  ): EventBlock {
    const { previous } = this.#services;
    return new EventBlock(changes, {
      revision: to,
      ...((variant & PREV_KV) === 0 ? {} : { previous }),
    });
  }
}

/** Those that watchers of `variant` have not filtered out. */
export function changesFor(changes: readonly Change[], variant: number): readonly Change[] {
  if ((variant & (NO_PUT | NO_DELETE)) === 0) return changes;
  return changes.filter(({ type }) =>
    type === EventType.DELETE ? (variant & NO_DELETE) === 0 : (variant & NO_PUT) === 0,
  );
}
