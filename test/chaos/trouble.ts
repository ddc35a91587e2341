/**
 * What a fault gives a member to end of by itself, and whether an end is that of such a trouble.
 * Pure: times and sentences are given.
 *
 * T1 an end is excused by what the member says of it, not by when it happens: its sentence must name
 *    the trouble's cause, and only a fault brings that cause (no disk of a run fails by itself).
 * T2 it must be an exit by which a member stops itself. No trouble excuses a signal (a crash in
 *    native code) or an exception that nobody caught.
 * T3 a trouble reaches from its beginning to its heal, and `CLOSING_MS` beyond for a process that
 *    stood in it: one that is started behind the heal has never met it.
 */

/** Many times what a member takes to close behind its last write, on a machine that is busy. */
export const CLOSING_MS = 30_000;

export type Cause = "its disk is full" | "its disk fails" | "its disk has lied";

/** By what its sentence must name: the words of libuv, LevelDB and the store itself. */
const NAMED_BY: Readonly<Record<Cause, RegExp>> = {
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
}

/** The trouble by which it may have ended; undefined where there is none. */
export function excuseOf(end: MemberEnd, troubles: readonly Trouble[]): Trouble | undefined {
  const sentence = lastSentence(end.output);
  if (end.how !== EXIT_STOPPED_ITSELF || sentence === undefined) return undefined;
  return troubles.find(({ cause, healedMs = Infinity }) => {
    const hasMetIt = end.launchedMs <= healedMs && end.endedMs <= healedMs + CLOSING_MS;
    return hasMetIt && NAMED_BY[cause].test(sentence);
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
