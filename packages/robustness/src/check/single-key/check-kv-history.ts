/**
 * Checks a history of clients of the store, and says what is wrong with it in sentences.
 *
 * Verified:
 * - each key's operations are linearizable as operations on one key with growing revisions;
 * - the store as a whole is: revisions, which order all keys' writes, go forward in real time, no two
 *   writes share one, and what is read at a revision is what the last known write up to it left.
 * Not verified:
 * - serializable reads, watches, leases, ranges over several keys and transactions of several
 *   operations: they are not in the history's language (`check-events.ts` sees watches);
 * - that what was asked for was done in the end: a history without a return is a fine one.
 *
 * Linearizability is local (Herlihy and Wing, theorem 1): a history is linearizable where each
 * key's part is. That makes the search cheap, and leaves revisions, which all keys share, to the
 * second check.
 */
import { type CheckLimits, checkLinearizability } from "./check-linearizability.js";
import { checkRevisions } from "./check-revisions.js";
import { keyModel } from "./key-model.js";
import { describeFound, describeSpan, type KvSpan } from "./kv-history.js";

/** One sentence, or a few lines, a fault; none where all is well. */
export function checkKvHistory(history: readonly KvSpan[], limits?: CheckLimits): string[] {
  const byKey = new Map<string, KvSpan[]>();
  for (const span of history) {
    const spans = byKey.get(span.key);
    if (spans) spans.push(span);
    else byKey.set(span.key, [span]);
  }
  const faults = checkRevisions(history);
  for (const [key, spans] of byKey) {
    const fault = checkKey(key, spans, limits);
    if (fault !== undefined) faults.push(fault);
  }
  return faults;
}

function checkKey(
  key: string,
  spans: readonly KvSpan[],
  limits: CheckLimits | undefined,
): string | undefined {
  const verdict = checkLinearizability(keyModel, spans, limits);
  switch (verdict.kind) {
    case "linearizable":
      return undefined;
    case "undecided":
      return (
        `Cannot decide whether the ${spans.length} operations on ${key} are linearizable: ` +
        `${verdict.configurations} configurations tried`
      );
    case "not-linearizable": {
      const { pair, floor } = verdict.state;
      const lines = (some: readonly unknown[]): string =>
        // The spans that the verdict holds are those that it was given.
        (some as readonly KvSpan[]).map((span) => `\n    ${describeSpan(span)}`).join("");
      return (
        `The ${spans.length} operations on ${key} are not linearizable.` +
        `\n  After ${verdict.takenCount} of them, of which the last are${lines(verdict.lastTaken)}` +
        `\n  the key holds ${describeFound(pair)} at revision ${floor} or later, and none fits of` +
        lines(verdict.stuck)
      );
    }
  }
}
