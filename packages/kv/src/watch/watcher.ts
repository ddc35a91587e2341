/** One watch: what it wants, how far it has come, and where its events go. */
import type { Event } from "../gen/kv.js";
import type { KeyRange } from "../mvcc/key-index.js";

export interface WatchBatch {
  readonly watcher: Watcher;
  /** All events have revisions up to here; the header's revision. */
  readonly revision: number;
  /** In order; never a part of a revision's events. */
  readonly events: readonly Event[];
}

/** Where a watcher's events go. False: full; the same events are offered again later. */
export type WatchSink = (batch: WatchBatch) => boolean;

export interface WatcherOptions {
  readonly range: KeyRange;
  /** The first revision that is wanted; in the future: nothing before it is sent. */
  readonly startRevision: number;
  readonly prevKv: boolean;
  readonly noPut: boolean;
  readonly noDelete: boolean;
  readonly sink: WatchSink;
  /** Called once, when what the watcher still needs has been compacted. */
  readonly onCompacted: (compactRevision: number) => void;
}

export interface Watcher extends WatcherOptions {
  /** The first revision that was not delivered yet. */
  next: number;
  /** Everything up to the store's revision has been delivered. */
  synced: boolean;
}
