/** A watch beside what it should have brought: what every guarantee of watches is judged by. */
import type { Operation, Violation, WatchRecord } from "../../history/history.js";
import { eventRevision } from "../../history/recording.js";
import type { CheckContext } from "../check-context.js";
import { isInRange } from "../model/key-range.js";
import { keyOf, type StoreEvent, type VersionedStore } from "../model/versioned-store.js";
import {
  batchesOf,
  describeWatch,
  firstRevisionOf,
  rangeOfWatch,
  type WatchBatch,
} from "./watch-batches.js";

export interface WatchReading {
  readonly record: WatchRecord;
  readonly batches: readonly WatchBatch[];
  /** The first revision that it is to deliver; undefined where it was never created. */
  readonly first: number | undefined;
  /** In the order of arrival. */
  readonly delivered: readonly Delivered[];
  /**
   * Revisions of the store that concern it, in order, from `first` to the last that it can be asked
   * for; gaps are left out.
   */
  readonly expected: readonly Expected[];
  readonly store: VersionedStore;
  /** The last acknowledged write: what comes behind it (ends of leases) nobody waited for. */
  readonly lastWritten: number;
  /** All requests to compact that may have been done. */
  readonly compactions: readonly Operation[];
  readonly context: CheckContext;
}

export interface Delivered {
  readonly event: WatchRecord["responses"][number]["events"][number];
  readonly revision: number;
  readonly batch: WatchBatch;
}

export interface Expected {
  readonly revision: number;
  readonly events: readonly StoreEvent[];
}

export function readWatch(
  record: WatchRecord,
  surroundings: Pick<WatchReading, "store" | "lastWritten" | "compactions" | "context">,
): WatchReading {
  const batches = batchesOf(record);
  const first = firstRevisionOf(record);
  const delivered = batches.flatMap((batch) =>
    batch.events.map((event) => ({ event, revision: eventRevision(event), batch })),
  );
  const { store, lastWritten } = surroundings;
  // Long runs have many short watches: each is held against the revisions of its own time.
  let last = record.reachedEnd ? lastWritten : 0;
  for (const { headerRevision } of batches) last = Math.max(last, headerRevision);
  for (const { revision } of delivered) last = Math.max(last, revision);
  const expected = first === undefined ? [] : expectedOf(record, { first, last }, store);
  return { record, batches, first, delivered, expected, ...surroundings };
}

/** What it is to see of these events. */
export function concerning(
  record: WatchRecord,
  events: readonly StoreEvent[],
): readonly StoreEvent[] {
  const range = rangeOfWatch(record);
  return events.filter(
    (event) => isInRange(range, keyOf(event)) && !record.filters.includes(event.kind),
  );
}

export function watchFault(
  guarantee: string,
  { record, batches }: WatchReading,
  { text, batch }: { readonly text: string; readonly batch?: WatchBatch | undefined },
): Violation {
  const at = batch ? ` [${batch.at}]` : "";
  // What is missing came to light by the end.
  const atMs = (batch ?? batches.at(-1))?.atMs;
  return {
    guarantee,
    text: `${describeWatch(record)}${at}: ${text}`,
    ...(atMs !== undefined && { atMs }),
  };
}

function expectedOf(
  record: WatchRecord,
  { first, last }: { readonly first: number; readonly last: number },
  store: VersionedStore,
): Expected[] {
  const expected: Expected[] = [];
  const end = Math.min(last, store.lastRevision);
  for (let revision = Math.max(2, first); revision <= end; revision++) {
    const events = concerning(record, store.eventsOf(revision) ?? []);
    if (events.length > 0) expected.push({ revision, events });
  }
  return expected;
}
