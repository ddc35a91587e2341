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
  /** Revisions of the store that concern it, from `first` on, in order; gaps are left out. */
  readonly expected: readonly Expected[];
  readonly store: VersionedStore;
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
  surroundings: Pick<WatchReading, "store" | "compactions" | "context">,
): WatchReading {
  const batches = batchesOf(record);
  const first = firstRevisionOf(record);
  const delivered = batches.flatMap((batch) =>
    batch.events.map((event) => ({ event, revision: eventRevision(event), batch })),
  );
  const expected = first === undefined ? [] : expectedOf(record, first, surroundings.store);
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
  { record }: WatchReading,
  { text, batch }: { readonly text: string; readonly batch?: WatchBatch | undefined },
): Violation {
  const at = batch ? ` [${batch.at}]` : "";
  return {
    guarantee,
    text: `${describeWatch(record)}${at}: ${text}`,
    ...(batch && { atMs: batch.atMs }),
  };
}

function expectedOf(record: WatchRecord, first: number, store: VersionedStore): Expected[] {
  const expected: Expected[] = [];
  for (let revision = Math.max(2, first); revision <= store.lastRevision; revision++) {
    const events = concerning(record, store.eventsOf(revision) ?? []);
    if (events.length > 0) expected.push({ revision, events });
  }
  return expected;
}
