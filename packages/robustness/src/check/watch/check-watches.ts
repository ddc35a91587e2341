/** All guarantees of watches, for all watches of a history; each has a function of its own. */
import type { History, Violation } from "../../history/history.js";
import type { CheckContext } from "../check-context.js";
import type { StoreSequence } from "../store-sequence.js";
import {
  checkWatchCompacted,
  checkWatchFilters,
  checkWatchPrevKv,
  checkWatchTrue,
} from "./watch-content.js";
import {
  checkWatchBookmarkable,
  checkWatchReliable,
  checkWatchResumable,
  checkWatchStart,
} from "./watch-delivery.js";
import {
  checkWatchAtomic,
  checkWatchFragments,
  checkWatchOrdered,
  checkWatchUnique,
} from "./watch-order.js";
import { readWatch, type WatchReading } from "./watch-reading.js";

const CHECKS: readonly ((reading: WatchReading) => readonly Violation[])[] = [
  checkWatchOrdered,
  checkWatchUnique,
  checkWatchAtomic,
  checkWatchFragments,
  checkWatchReliable,
  checkWatchResumable,
  checkWatchBookmarkable,
  checkWatchStart,
  checkWatchTrue,
  checkWatchPrevKv,
  checkWatchFilters,
  checkWatchCompacted,
];

export function checkWatches(
  { watches, operations }: History,
  { store, writers }: StoreSequence,
  context: CheckContext = {},
): readonly Violation[] {
  const compactions = operations.filter(
    ({ request, outcome }) => request.kind === "compact" && outcome.kind !== "refused",
  );
  let lastWritten = 0;
  for (const revision of writers.keys()) lastWritten = Math.max(lastWritten, revision);
  return watches.flatMap((record) => {
    const reading = readWatch(record, { store, lastWritten, compactions, context });
    return CHECKS.flatMap((check) => check(reading));
  });
}
