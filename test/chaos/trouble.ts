/**
 * What a fault gives a member to end of by itself, and whether an end is that of such a trouble.
 * Pure: times and sentences are given.
 *
 * T1 an end is excused by what the member says of it, not by when it happens: its sentence must name
 *    the trouble's cause, and only a fault brings that cause (no disk of a run fails by itself).
 * T2 it must be an exit by which a member stops itself. No trouble excuses an exception that nobody
 *    caught, or a signal (a crash in native code), but for the kernel's where it counts that it has
 *    killed the process for want of memory: of that the process cannot say anything.
 * T3 a trouble reaches from its beginning to its heal, and `CLOSING_MS` beyond for a process that
 *    stood in it: one that is started behind the heal has never met it.
 */

/** Many times what a member takes to close behind its last write, on a machine that is busy. */
export const CLOSING_MS = 30_000;

type DiskCause = "its disk is full" | "its disk fails" | "its disk has lied";

export type Cause = DiskCause | "its memory is short";

/** By what its sentence must name: the words of libuv, LevelDB and the store itself. */
const NAMED_BY: Readonly<Record<DiskCause, RegExp>> = {
  "its disk is full": /\bENOSPC\b|No space left on device/,
  "its disk fails": /\bEIO\b|Input\/output error/,
  "its disk has lied": /restore this member from its peers/,
};

export interface Trouble {
  readonly cause: Cause;
  /** Undefined while it lasts. */
  healedMs: number | undefined;
}

/** The end of one process. */
export interface MemberEnd {
  /** Exit code, or the name of a signal. */
  readonly how: number | string;
  /** What the process said, in the end. */
  readonly output: string;
  readonly launchedMs: number;
  readonly endedMs: number;
  /** The kernel says that it has killed it for want of memory. */
  readonly isOutOfMemory: boolean;
}

/** The trouble by which it may have ended; undefined where there is none. */
export function excuseOf(end: MemberEnd, troubles: readonly Trouble[]): Trouble | undefined {
  const sentence = lastSentence(end.output) ?? "";
  return troubles.find(({ cause, healedMs = Infinity }) => {
    const hasMetIt = end.launchedMs <= healedMs && end.endedMs <= healedMs + CLOSING_MS;
    if (!hasMetIt) return false;
    if (cause === "its memory is short") return end.how === "SIGKILL" && end.isOutOfMemory;
    return end.how === EXIT_STOPPED_ITSELF && NAMED_BY[cause].test(sentence);
  });
}

/** Of `sagong store`: it cannot start, or stops itself (packages/cli/src/commands/store.ts). */
const EXIT_STOPPED_ITSELF = 1;
const SENTENCE_BEGINS = "sagong store: ";

/** Why it ended, in its own words. */
export function lastSentence(output: string): string | undefined {
  return output
    .trimEnd()
    .split("\n")
    .findLast((line) => line.startsWith(SENTENCE_BEGINS));
}
