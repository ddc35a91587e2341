/** All that is asked of a history, by every judge. */
import type { History, Violation } from "../history/history.js";
import { checkAcknowledgedWrites } from "./acknowledged-writes.js";
import type { CheckContext } from "./check-context.js";
import { checkLeases } from "./leases.js";
import { checkLocks } from "./locks.js";
import { checkLinearizable } from "./linearizability.js";
import { sequenceOf } from "./store-sequence.js";
import { checkWatches } from "./watch/check-watches.js";

/**
 * Of linearizability, lost writes, watches, leases and locks; in the order in which they came to light.
 * Their names are in guarantees.ts.
 */
export function checkHistory(history: History, context: CheckContext = {}): readonly Violation[] {
  const sequence = sequenceOf(history, context);
  return [
    ...checkLinearizable(history, context, sequence),
    ...checkAcknowledgedWrites(history, sequence, context),
    ...checkWatches(history, sequence, context),
    ...checkLeases(history, sequence, context.leaseBounds),
    ...(context.leaseBounds ? checkLocks(history, context.leaseBounds) : []),
  ].toSorted((a, b) => (a.atMs ?? Infinity) - (b.atMs ?? Infinity));
}
