/**
 * Guarantees about the shape of a watch's stream: which event comes after which, and together with
 * which (etcd API guarantees, "Watch APIs": Ordered, Unique, Atomic; fragments of WatchCreateRequest).
 *
 * Verified:
 * - `watch-ordered`: revisions never fall; within a revision events have the order of its changes;
 * - `watch-unique`: no event comes twice;
 * - `watch-atomic`: the events of a revision come all together or not at all;
 * - `watch-fragments`: only who asked gets fragments; each holds events, and the last one comes before
 *   anything else does.
 * Not verified: whether anything is missing between two revisions (watch-delivery.ts).
 */
import type { Violation } from "../../history/history.js";
import { describeEvent, isSameEvent } from "../model/compare-answers.js";
import { keyOf } from "../model/versioned-store.js";
import type { WatchBatch } from "./watch-batches.js";
import { type Delivered, watchFault, type WatchReading } from "./watch-reading.js";

export function checkWatchOrdered(reading: WatchReading): readonly Violation[] {
  const violations: Violation[] = [];
  const places = placesOf(reading);
  for (const [i, { event, revision, batch }] of reading.delivered.entries()) {
    const before = reading.delivered[i - 1];
    if (!before) continue;
    const isBehind =
      revision < before.revision ||
      (revision === before.revision && places(before) > places({ event, revision, batch }));
    if (!isBehind) continue;
    const text = `${describeEvent(event)} came after ${describeEvent(before.event)}`;
    violations.push(watchFault("watch-ordered", reading, { text, batch }));
  }
  return violations;
}

export function checkWatchUnique(reading: WatchReading): readonly Violation[] {
  const violations: Violation[] = [];
  const seen = new Set<string>();
  for (const { event, revision, batch } of reading.delivered) {
    const name = JSON.stringify([revision, event.kind, keyOf(event)]);
    if (seen.has(name)) {
      const text = `${describeEvent(event)} came again`;
      violations.push(watchFault("watch-unique", reading, { text, batch }));
    }
    seen.add(name);
  }
  return violations;
}

export function checkWatchAtomic(reading: WatchReading): readonly Violation[] {
  const violations: Violation[] = [];
  const fault = (text: string, batch: WatchBatch): void => {
    violations.push(watchFault("watch-atomic", reading, { text, batch }));
  };
  const first = new Map<number, WatchBatch>();
  const counts = new Map<WatchBatch, Map<number, number>>();
  for (const { revision, batch } of reading.delivered) {
    const known = first.get(revision);
    if (!known) first.set(revision, batch);
    const ofBatch = counts.get(batch) ?? new Map<number, number>();
    if (known && known !== batch && !ofBatch.has(revision)) {
      fault(`events of revision ${revision} came in more than one response`, batch);
    }
    ofBatch.set(revision, (ofBatch.get(revision) ?? 0) + 1);
    counts.set(batch, ofBatch);
  }
  for (const { revision, events } of reading.expected) {
    const batch = first.get(revision);
    const count = (batch && counts.get(batch)?.get(revision)) ?? 0;
    // A stream that broke within its fragments owes the rest.
    if (!batch?.isWhole || count === 0 || count >= events.length) continue;
    fault(`only ${count} of the ${events.length} events of revision ${revision} came`, batch);
  }
  return violations;
}

export function checkWatchFragments(reading: WatchReading): readonly Violation[] {
  const { record } = reading;
  const violations: Violation[] = [];
  const fault = (text: string): void => {
    violations.push(watchFault("watch-fragments", reading, { text }));
  };
  for (const [i, response] of record.responses.entries()) {
    if (!response.fragment) continue;
    if (!record.fragment) fault(`[${response.at}] a fragment, which nobody asked for`);
    if (response.events.length === 0) fault(`[${response.at}] a fragment without events`);
    const next = record.responses[i + 1];
    // A stream may break anywhere.
    if (next && next.events.length === 0) {
      fault(`[${next.at}] something else came between a fragment and the next one`);
    }
  }
  return violations;
}

/** The place of an event among those of its revision; of one that nobody knows, the first. */
function placesOf({ store }: WatchReading): (delivered: Delivered) => number {
  return ({ event, revision }) => {
    const events = store.eventsOf(revision) ?? [];
    return events.findIndex((known) => isSameEvent(known, event));
  };
}
