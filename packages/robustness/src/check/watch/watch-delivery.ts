/**
 * Guarantees about what a watch's stream must hold (etcd API guarantees, "Watch APIs": Reliable,
 * Resumable, Bookmarkable).
 *
 * Verified:
 * - `watch-reliable`: between two events nothing is left out; and a watch that was waited for when all
 *   faults were over has everything up to the last acknowledged write;
 * - `watch-resumable`: one that begins in the past begins with the first event there, or is refused;
 * - `watch-bookmarkable`: a progress notification of revision r comes behind every event up to r, and
 *   never falls; no header is behind the events that it comes with (etcd #15220);
 * - `watch-start`: nothing comes before the creation is answered, no event and no progress of a
 *   revision before the one asked for (etcd #20221); from 0 it begins behind its creation.
 * Not verified: how soon events come; what gaps hold.
 */
import type { Violation } from "../../history/history.js";
import { eventRevision } from "../../history/recording.js";
import { describeEvents } from "../model/compare-answers.js";
import { type Expected, watchFault, type WatchReading } from "./watch-reading.js";

export function checkWatchReliable(reading: WatchReading): readonly Violation[] {
  const { delivered, expected, record, lastWritten } = reading;
  const revisions = new Set(delivered.map(({ revision }) => revision));
  let [from, to] = [Number.POSITIVE_INFINITY, 0];
  for (const revision of revisions) {
    from = Math.min(from, revision);
    to = Math.max(to, revision);
  }
  const isOver = reading.batches.some(({ kind }) => kind === "canceled");
  if (record.reachedEnd && !isOver) to = Math.max(to, lastWritten);
  // What is missing before the first event is another guarantee's, where there is a first event.
  if (revisions.size === 0) from = 0;
  return expected
    .filter(({ revision }) => revision > from && revision <= to && !revisions.has(revision))
    .map((missing) => watchFault("watch-reliable", reading, { text: missingText(missing) }));
}

export function checkWatchResumable(reading: WatchReading): readonly Violation[] {
  const first = reading.delivered[0];
  if (!first) return [];
  return reading.expected
    .filter(({ revision }) => revision < first.revision)
    .map((missing) =>
      watchFault("watch-resumable", reading, { text: missingText(missing), batch: first.batch }),
    );
}

export function checkWatchBookmarkable(reading: WatchReading): readonly Violation[] {
  const violations: Violation[] = [];
  let bookmark = 0;
  let place = 0;
  const delivered = new Set<number>();
  for (const batch of reading.batches) {
    const fault = (text: string): void => {
      violations.push(watchFault("watch-bookmarkable", reading, { text, batch }));
    };
    const { headerRevision } = batch;
    if (batch.kind === "bookmark") {
      if (headerRevision < bookmark) fault(`progress fell from ${bookmark} to ${headerRevision}`);
      bookmark = Math.max(bookmark, headerRevision);
      for (let next = reading.expected[place]; next; next = reading.expected[++place]) {
        if (next.revision > headerRevision) break;
        if (delivered.has(next.revision)) continue;
        fault(`progress ${headerRevision} is ahead of events: ${missingText(next)}`);
      }
    }
    const revisions = batch.events.map(eventRevision);
    for (const revision of revisions) {
      if (revision <= bookmark && !delivered.has(revision)) {
        fault(`an event of revision ${revision} came behind progress ${bookmark}`);
      }
      if (revision > headerRevision && batch.kind === "events") {
        fault(`an event of revision ${revision} came under a header of ${headerRevision}`);
      }
    }
    for (const revision of revisions) delivered.add(revision);
  }
  return violations;
}

export function checkWatchStart(reading: WatchReading): readonly Violation[] {
  const { batches, first, record, delivered } = reading;
  const violations: Violation[] = [];
  const [answer] = batches;
  if (answer && answer.kind !== "created" && answer.kind !== "canceled") {
    const text = "something came before its creation was answered";
    violations.push(watchFault("watch-start", reading, { text, batch: answer }));
  }
  for (const { revision, batch } of delivered) {
    if (first === undefined || revision >= first) continue;
    const text = `an event of revision ${revision} came, the first was to be ${first}`;
    violations.push(watchFault("watch-start", reading, { text, batch }));
  }
  for (const batch of batches) {
    if (batch.kind !== "bookmark" || batch.headerRevision >= record.startRevision) continue;
    const text = `progress ${batch.headerRevision} was told before revision ${record.startRevision}`;
    violations.push(watchFault("watch-start", reading, { text, batch }));
  }
  return violations;
}

function missingText({ revision, events }: Expected): string {
  return `revision ${revision} is missing: ${describeEvents(events)}`;
}
