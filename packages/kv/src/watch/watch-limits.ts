/** How much the watch path keeps and does at once. */
export interface WatchLimits {
  /** Of changes kept in memory for those who fall behind. */
  readonly recentBytes: number;
  /** What one response may carry, and what is read in one go: a transaction more at the most. */
  readonly sliceBytes: number;
  readonly sliceRevisions: number;
  /** So long may one turn offer events before others are let in; the rest follows later. */
  readonly turnMs: number;
  /** A range of at most so many keys reads its own keys' history rather than everyone's. */
  readonly aloneKeys: number;
}

export const DEFAULT_WATCH_LIMITS: WatchLimits = {
  // Most of these bytes are held by the store as well.
  recentBytes: 16 * 1024 * 1024,
  sliceBytes: 128 * 1024,
  // etcd's.
  sliceRevisions: 1_000,
  // A fifth of what the event loop may be late at the 99th percentile.
  turnMs: 4,
  aloneKeys: 256,
};
