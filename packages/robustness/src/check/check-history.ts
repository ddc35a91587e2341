/** All that is asked of a history, by every judge. */
import type { History, Violation } from "../history/history.js";
import type { CheckContext } from "./check-context.js";
import { checkLinearizable } from "./linearizability.js";
import { sequenceOf } from "./store-sequence.js";
import { checkWatches } from "./watch/check-watches.js";

/** Of linearizability, watches and leases; in the order in which they came to light. */
export function checkHistory(history: History, context: CheckContext = {}): readonly Violation[] {
  const sequence = sequenceOf(history, context);
  return [
    ...checkLinearizable(history, context, sequence),
    ...checkWatches(history, sequence, context),
  ].toSorted((a, b) => (a.atMs ?? Infinity) - (b.atMs ?? Infinity));
}
