/**
 * What each revision of the store did, put together from all that is known: the base on which every
 * other check of a history stands.
 *
 * Of a revision's events the best witness counts, in this order:
 * 1. an observer inside of the store (`CheckContext.events`);
 * 2. the write that was acknowledged with this revision, evaluated on the state before it;
 * 3. a watch over all keys that delivered it (H2 then says whose write it was);
 * 4. a value of this revision that anybody read, whose writer does not know what became of it.
 * A revision without a witness is a gap.
 *
 * Verified here:
 * - no two acknowledged writes have one revision;
 * - there are no more revisions than anybody asked for;
 * - an acknowledged write did what the observer saw (1 against 2);
 * - every revision has a witness, unless gaps are tolerated.
 * Not verified here: everything else; whether the sequence explains the history is linearizability.ts,
 * and whether watches deliver it watch/.
 */
import type {
  History,
  KvPair,
  KvResponse,
  Operation,
  Violation,
  WatchRecord,
} from "../history/history.js";
import { eventRevision } from "../history/recording.js";
import type { CheckContext } from "./check-context.js";
import { describeOperation } from "./describe-operation.js";
import { areSameEvents, describeEvents } from "./model/compare-answers.js";
import { evaluate } from "./model/evaluate.js";
import { FIRST_REVISION, type StoreEvent, VersionedStore } from "./model/versioned-store.js";
import { putKeysOf, putValuesOf } from "./requests.js";
import { batchesOf, describeWatch, seesAll } from "./watch/watch-batches.js";

export interface StoreSequence {
  readonly store: VersionedStore;
  /** By revision: the write that was acknowledged with it. */
  readonly writers: ReadonlyMap<number, Operation>;
  readonly violations: readonly Violation[];
}

export function sequenceOf(history: History, context: CheckContext = {}): StoreSequence {
  const violations: Violation[] = [];
  const writers = writersOf(history, violations);
  const keys = new Set(history.operations.flatMap(({ request }) => putKeysOf(request)));
  const witnesses: Witnesses = {
    observed: context.events ?? new Map(),
    writers,
    watched: watchedEvents(history.watches, keys),
    read: unknownWriters(history),
  };
  const store = new VersionedStore(keys);
  const last = lastRevisionOf(history, context, violations);
  for (let revision = FIRST_REVISION + 1; revision <= last; revision++) {
    store.append(eventsAt(revision, store, witnesses));
  }
  violations.push(...checkObserved(store, witnesses));
  if (context.toleratesGaps !== true && store.gaps.length > 0) {
    const text = `Nobody saw what was done by ${rangesOf(store.gaps)}: it cannot be judged`;
    violations.push({ guarantee: "history-complete", text });
  }
  return { store, writers, violations };
}

/** Whether an answer says that its request made a revision: then it is the answer's. */
export function hasWritten(response: KvResponse): boolean {
  switch (response.kind) {
    case "put":
      return true;
    case "delete":
      return response.deleted > 0;
    case "txn":
      return response.answers.some(hasWritten);
    default:
      return false;
  }
}

/** `revisions 3, 7 to 9`. */
function rangesOf(revisions: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const revision of revisions) {
    const last = ranges.at(-1);
    if (last?.[1] === revision - 1) last[1] = revision;
    else ranges.push([revision, revision]);
  }
  return `revisions ${ranges.map(([from, to]) => (from === to ? from : `${from} to ${to}`)).join(", ")}`;
}

interface Witnesses {
  readonly observed: ReadonlyMap<number, readonly StoreEvent[]>;
  readonly writers: ReadonlyMap<number, Operation>;
  readonly watched: ReadonlyMap<number, readonly StoreEvent[]>;
  readonly read: ReadonlyMap<number, Operation>;
}

function eventsAt(
  revision: number,
  store: VersionedStore,
  { observed, writers, watched, read }: Witnesses,
): readonly StoreEvent[] | undefined {
  const seen = observed.get(revision);
  if (seen) return seen;
  return (
    eventsOf(writers.get(revision), store) ??
    watched.get(revision) ??
    eventsOf(read.get(revision), store)
  );
}

/** What `operation` did as the next revision; undefined where that is not certain, or was nothing. */
function eventsOf(
  operation: Operation | undefined,
  store: VersionedStore,
): readonly StoreEvent[] | undefined {
  if (!operation || operation.request.kind === "compact") return undefined;
  const { events, isCertain } = evaluate(store, store.lastRevision, operation.request);
  return isCertain && events.length > 0 ? events : undefined;
}

function writersOf(history: History, violations: Violation[]): ReadonlyMap<number, Operation> {
  const writers = new Map<number, Operation>();
  for (const operation of history.operations) {
    const { outcome } = operation;
    if (outcome.kind !== "answered" || !hasWritten(outcome.response)) continue;
    const { revision } = outcome.response;
    const other = writers.get(revision);
    if (other) {
      const both = [other, operation].map((one) => `\n    ${describeOperation(one)}`).join("");
      violations.push(linearizable(`Two writes have revision ${revision}:${both}`, operation));
    } else {
      writers.set(revision, operation);
    }
  }
  return writers;
}

/** What watches over all keys delivered, by revision; of several the first. */
function watchedEvents(
  watches: readonly WatchRecord[],
  keys: ReadonlySet<string>,
): ReadonlyMap<number, readonly StoreEvent[]> {
  const watched = new Map<number, readonly StoreEvent[]>();
  for (const watch of watches) {
    if (!seesAll(watch, keys)) continue;
    const own = new Map<number, StoreEvent[]>();
    for (const { events, isWhole } of batchesOf(watch)) {
      if (!isWhole) continue;
      for (const event of events) {
        const revision = eventRevision(event);
        const ofRevision = own.get(revision);
        if (ofRevision) ofRevision.push(event);
        else own.set(revision, [event]);
      }
    }
    for (const [revision, events] of own) {
      if (!watched.has(revision)) watched.set(revision, events);
    }
  }
  return watched;
}

/** For each revision of a value that anybody read: its writer, where that one does not know. */
function unknownWriters({ operations, watches }: History): ReadonlyMap<number, Operation> {
  const owners = new Map<string, Operation>();
  for (const operation of operations) {
    if (operation.outcome.kind !== "unknown") continue;
    for (const value of putValuesOf(operation.request)) owners.set(value, operation);
  }
  const writers = new Map<number, Operation>();
  const note = ({ value, modRevision }: KvPair): void => {
    const owner = owners.get(value);
    if (owner) writers.set(modRevision, owner);
  };
  for (const { outcome } of operations) {
    if (outcome.kind === "answered") for (const pair of pairsIn(outcome.response)) note(pair);
  }
  for (const { responses } of watches) {
    for (const { events } of responses) {
      for (const event of events) if (event.kind === "put") note(event.kv);
    }
  }
  return writers;
}

function lastRevisionOf(
  history: History,
  { events = new Map() }: CheckContext,
  violations: Violation[],
): number {
  const { operations, watches, leases } = history;
  const writes = operations.filter(
    ({ request: { kind } }) => kind !== "range" && kind !== "compact",
  );
  // Each write makes at most one revision, and so does the end of each lease.
  let last = FIRST_REVISION;
  for (const revision of events.keys()) last = Math.max(last, revision);
  const most = Math.max(FIRST_REVISION + writes.length + leases.length, last);
  const reach = (revision: number, who: () => { text: string; atMs: number | undefined }): void => {
    if (revision > most) {
      const { text, atMs } = who();
      const sentence = `Revision ${revision} is more than the ${most} that anybody asked for:`;
      violations.push({
        guarantee: "linearizable",
        text: `${sentence}\n    ${text}`,
        ...(atMs !== undefined && { atMs }),
      });
    }
    last = Math.min(most, Math.max(last, revision));
  };
  for (const operation of operations) {
    const { outcome, returnedMs } = operation;
    if (outcome.kind !== "answered") continue;
    reach(outcome.response.revision, () => ({
      text: describeOperation(operation),
      atMs: returnedMs,
    }));
  }
  for (const watch of watches) {
    for (const { headerRevision, events: delivered, atMs } of watch.responses) {
      const revision = Math.max(headerRevision, ...delivered.map(eventRevision));
      reach(revision, () => ({ text: describeWatch(watch), atMs }));
    }
  }
  return last;
}

function checkObserved(store: VersionedStore, { observed, writers }: Witnesses): Violation[] {
  const violations: Violation[] = [];
  for (const [revision, events] of observed) {
    const writer = writers.get(revision);
    if (!writer || writer.request.kind === "compact") continue;
    const { events: expected, isCertain } = evaluate(store, revision - 1, writer.request);
    if (!isCertain || areSameEvents(events, expected)) continue;
    const text =
      `Revision ${revision} did not do what was acknowledged: ${describeEvents(events)}` +
      `\n    ${describeOperation(writer)}`;
    violations.push(linearizable(text, writer));
  }
  return violations;
}

export function linearizable(text: string, { returnedMs, calledMs }: Operation): Violation {
  return { guarantee: "linearizable", text, atMs: returnedMs ?? calledMs };
}

function pairsIn(response: KvResponse): readonly KvPair[] {
  switch (response.kind) {
    case "range":
      return response.kvs;
    case "put":
      return response.prevKv ? [response.prevKv] : [];
    case "delete":
      return response.prevKvs;
    case "txn":
      return response.answers.flatMap(pairsIn);
    case "compact":
      return [];
  }
}
