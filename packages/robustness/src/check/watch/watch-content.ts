/**
 * Guarantees about what a watch's events say, and about its refusals.
 *
 * Verified:
 * - `watch-true`: every event is one that the store did make, with the key's value, revisions, version
 *   and lease of that moment;
 * - `watch-prev-kv`: who asked gets the pair as it was before the revision; it may lack only where
 *   there was none, or where a compaction may have taken it; nobody else gets one;
 * - `watch-filters`: nothing comes of other keys, or of kinds that were filtered out;
 * - `watch-compacted`: an end for compaction names a compaction that was asked for and that the watch
 *   needed events before; after an end nothing comes.
 * Not verified: that a start which is compacted is refused at once. A member that is behind may not
 * know of the compaction yet; then what it delivers must be right, as always.
 */
import type { Violation } from "../../history/history.js";
import { describeEvent, describePair, isSameEvent, isSamePair } from "../model/compare-answers.js";
import { isInRange } from "../model/key-range.js";
import { keyOf } from "../model/versioned-store.js";
import { rangeOfWatch } from "./watch-batches.js";
import { type Delivered, watchFault, type WatchReading } from "./watch-reading.js";

export function checkWatchTrue(reading: WatchReading): readonly Violation[] {
  const violations: Violation[] = [];
  for (const { event, revision, batch } of reading.delivered) {
    const known = reading.store.eventsOf(revision);
    const isBeyond = revision > reading.store.lastRevision;
    if ((!known && !isBeyond) || known?.some((other) => isSameEvent(other, event))) continue;
    const text = `${describeEvent(event)} is no event of the store`;
    violations.push(watchFault("watch-true", reading, { text, batch }));
  }
  return violations;
}

export function checkWatchPrevKv(reading: WatchReading): readonly Violation[] {
  const { record, store } = reading;
  const violations: Violation[] = [];
  for (const delivered of reading.delivered) {
    const { event, revision, batch } = delivered;
    const fault = (text: string): void => {
      const full = `${describeEvent(event)} ${text}`;
      violations.push(watchFault("watch-prev-kv", reading, { text: full, batch }));
    };
    if (!record.prevKv) {
      if (event.prevKv) fault("came with a previous pair, which nobody asked for");
      continue;
    }
    const key = keyOf(event);
    if (!store.isCertain(key, revision - 1)) continue;
    const before = store.get(key, revision - 1);
    if (isSamePair(event.prevKv, before)) continue;
    if (!event.prevKv && mayBeCompacted(reading, delivered)) continue;
    fault(`came with ${describePair(event.prevKv)} before it, expected ${describePair(before)}`);
  }
  return violations;
}

export function checkWatchFilters(reading: WatchReading): readonly Violation[] {
  const { record } = reading;
  const range = rangeOfWatch(record);
  return reading.delivered
    .filter(({ event }) => !isInRange(range, keyOf(event)) || record.filters.includes(event.kind))
    .map(({ event, batch }) => {
      const text = `${describeEvent(event)} was not asked for`;
      return watchFault("watch-filters", reading, { text, batch });
    });
}

export function checkWatchCompacted(reading: WatchReading): readonly Violation[] {
  const { batches, record, compactions, context, delivered } = reading;
  const at = batches.findIndex(({ kind }) => kind === "canceled");
  const end = batches[at];
  if (!end) return [];
  const violations: Violation[] = [];
  const fault = (text: string, batch = end): void => {
    violations.push(watchFault("watch-compacted", reading, { text, batch }));
  };
  const late = batches[at + 1];
  if (late) fault("something came after its end", late);
  const compactRevision = end.canceled?.compactRevision ?? 0;
  if (compactRevision === 0) return violations;
  const isAsked = compactions.some(
    ({ request, calledAt }) =>
      request.kind === "compact" && request.revision === compactRevision && calledAt < end.at,
  );
  if (!isAsked && context.compactsItself !== true) {
    fault(`it ended for a compaction of ${compactRevision}, which nobody had asked for`);
  }
  let needed = reading.first ?? record.startRevision;
  for (const { revision } of delivered) needed = Math.max(needed, revision + 1);
  if (needed >= compactRevision) {
    fault(
      `it ended for a compaction of ${compactRevision}, but needed revisions from ${needed} on`,
    );
  }
  return violations;
}

function mayBeCompacted(
  { compactions, context }: WatchReading,
  { revision, batch }: Delivered,
): boolean {
  if (context.compactsItself === true) return true;
  return compactions.some(
    ({ request, calledAt }) =>
      request.kind === "compact" && request.revision >= revision && calledAt < batch.at,
  );
}
