/** One watch: what it wants, how far it has come, and where its events go. */
import type { KeyRange } from "../mvcc/key-index.js";
import type { Cohort } from "./cohort.js";
import type { EventBlock } from "./event-block.js";
import type { WatchGroup } from "./watch-index.js";

/** Where the events of some watchers go, which is one stream. It never calls the store back. */
export interface WatchSink {
  /** It would refuse what it is offered now. */
  readonly isFull: boolean;
  /** False: full; the same events are offered again later. */
  offer(watcher: Watcher, block: EventBlock): boolean;
  /** After any number of offers: what was taken may leave. May end watchers of this sink. */
  flush(): void;
  /** Called once, when what the watcher still needs has been compacted. */
  onCompacted(watcher: Watcher, compactRevision: number): void;
}

export interface WatcherOptions {
  readonly range: KeyRange;
  /** The first revision that is wanted; in the future: nothing before it is sent. 0: from now on. */
  readonly startRevision: number;
  readonly prevKv: boolean;
  readonly noPut: boolean;
  readonly noDelete: boolean;
  readonly sink: WatchSink;
}

/** Watchers of one range with equal variants get the same bytes: their options, as bits. */
export const PREV_KV = 1;
export const NO_PUT = 2;
export const NO_DELETE = 4;

/** Revisions that a watcher reading its own keys' history looks at first; grows by what it finds. */
const FIRST_WINDOW = 16;

/** The fields below the options are the watchable store's. */
export class Watcher {
  readonly range: KeyRange;
  readonly startRevision: number;
  readonly variant: number;
  readonly sink: WatchSink;
  /** Everything below it has been delivered, or is not wanted; see `Cohort` for what more has. */
  from: number;
  /** Where it stands: with others at one position, alone, waiting for its sink; or nowhere. */
  place: Cohort | "alone" | "stalled" | undefined;
  isCancelled: boolean = false;
  /** Its group in its cohort's index, and its position in the group's list. */
  group: WatchGroup | undefined;
  slot: number = 0;
  /** Revisions of its next step, while it reads alone. */
  window: number = FIRST_WINDOW;

  constructor({ range, startRevision, prevKv, noPut, noDelete, sink }: WatcherOptions) {
    this.range = range;
    this.startRevision = startRevision;
    this.variant = (prevKv ? PREV_KV : 0) | (noPut ? NO_PUT : 0) | (noDelete ? NO_DELETE : 0);
    this.sink = sink;
    this.from = startRevision;
  }
}
