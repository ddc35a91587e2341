/**
 * Which followers a busy leader may tell late. A majority has an entry when the leader and some of its
 * followers have it; what one more follower costs is a wake-up, a write with its sync and a turn of
 * applying for each append. So one that no majority needs, and that no client uses, gets several
 * appends in one: it is some hundredths of a second behind, and nothing that was acknowledged depends
 * on it.
 *
 * P1 those that are not spared are a majority, with the leader, and all of them take appends as they
 *    come.
 * P2 the least advanced are spared: where one of the others falls behind, the next choice is another.
 * P3 only where appends are many: a lone write goes to all, and the fastest of them answer it.
 */
import type { Progress } from "./progress.js";
import { majorityOf } from "./quorum.js";
import type { NodeId } from "./types.js";

export interface SparingLimits {
  /** Appends between two ticks from which on a leader is busy; 0: it always is. */
  readonly appendsATick: number;
  /** Milliseconds that the owner lets entries wait. */
  readonly heldMs: number;
  /** Entries that wait at most. */
  readonly heldEntriesMax: number;
  /** Bytes of them. */
  readonly heldBytesMax: number;
}

/** Marks those that are spared from now on. */
export function chooseSpared(progress: ReadonlyMap<NodeId, Progress>, isBusy: boolean): void {
  const taking = [...progress.values()].filter(({ state }) => state === "replicate");
  const idle = taking.filter(({ isIdle }) => isIdle);
  // Among equals it stays who it was.
  idle.sort((a, b) => a.match - b.match || Number(b.isSpared) - Number(a.isSpared));
  const needed = majorityOf(progress.size + 1) - 1; // The leader has what it sends.
  const spared = isBusy ? idle.slice(0, Math.max(0, taking.length - needed)) : [];
  for (const one of taking) one.isSpared = spared.includes(one);
}
