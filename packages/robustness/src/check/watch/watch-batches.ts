/**
 * A watch's responses as its client puts them together: fragments joined, each with what it is. The
 * checks of watches read these, and so does whoever needs to know what a revision did.
 */
import type { WatchAnswer, WatchRecord } from "../../history/history.js";
import { isInRange, type KeyRange } from "../model/key-range.js";
import type { StoreEvent } from "../model/versioned-store.js";

export interface WatchBatch {
  /** Moment of the last of its responses (H1). */
  readonly at: number;
  readonly atMs: number;
  readonly kind: "created" | "canceled" | "events" | "bookmark";
  readonly headerRevision: number;
  readonly events: readonly StoreEvent[];
  /** How many responses it came in. */
  readonly partCount: number;
  /** False where the stream ended before the last fragment. */
  readonly isWhole: boolean;
  readonly canceled?: WatchAnswer["canceled"];
}

export function batchesOf({ responses }: WatchRecord): readonly WatchBatch[] {
  const batches: WatchBatch[] = [];
  let parts: WatchAnswer[] = [];
  for (const response of responses) {
    parts.push(response);
    if (response.fragment) continue;
    batches.push(batchOf(parts, { isWhole: true }));
    parts = [];
  }
  if (parts.length > 0) batches.push(batchOf(parts, { isWhole: false }));
  return batches;
}

export function rangeOfWatch({ key, rangeEnd }: WatchRecord): KeyRange {
  // etcd: no key at all means from the first possible one.
  return { key: key === "" ? "\0" : key, rangeEnd };
}

/** Whether it is to see every event of these keys. */
export function seesAll(record: WatchRecord, keys: Iterable<string>): boolean {
  if (record.filters.length > 0) return false;
  const range = rangeOfWatch(record);
  for (const key of keys) if (!isInRange(range, key)) return false;
  return true;
}

/**
 * The first revision that it is to deliver: asked for, or the one after the store's at its creation.
 * Undefined where that is not known, because it was never created.
 */
export function firstRevisionOf(record: WatchRecord): number | undefined {
  const created = record.responses.find((response) => response.created);
  if (!created || created.canceled) return undefined;
  return record.startRevision > 0 ? record.startRevision : created.headerRevision + 1;
}

/** `m1's watch of a..b from 5 (client-2)`. */
export function describeWatch(record: WatchRecord): string {
  const { key, rangeEnd, startRevision, client, member } = record;
  const text = (name: string): string => JSON.stringify(name).slice(1, -1);
  const keys = rangeEnd === undefined ? text(key) : `${text(key)}..${text(rangeEnd)}`;
  return `${client}'s watch of ${keys} from ${startRevision} at ${member}`;
}

function batchOf(
  parts: readonly WatchAnswer[],
  { isWhole }: { readonly isWhole: boolean },
): WatchBatch {
  const last = parts.at(-1) as WatchAnswer; // Callers have at least one.
  const { at, atMs, headerRevision, canceled } = last;
  const events = parts.flatMap((part) => part.events);
  const kind = canceled
    ? "canceled"
    : last.created
      ? "created"
      : events.length > 0
        ? "events"
        : "bookmark";
  const partCount = parts.length;
  return {
    at,
    atMs,
    kind,
    headerRevision,
    events,
    partCount,
    isWhole,
    ...(canceled && { canceled }),
  };
}
