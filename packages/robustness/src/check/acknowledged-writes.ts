/**
 * Durability: what was acknowledged stays.
 *
 * Verified, `no-acknowledged-write-lost`:
 * - the events of an acknowledged write were delivered under its revision by a watch over all keys,
 *   where one delivered both older and newer ones (that each of them brings it is watch/'s);
 * - at the end every member holds exactly the pairs that the events add up to (`finalStates`): no more,
 *   no less, each with its revisions, version and lease.
 * Not verified: that writes of unknown outcome took effect; what lies beyond the last revision that a
 * watch or a final state reached; what rests on a gap.
 */
import type { History, Operation, Violation, WatchRecord } from "../history/history.js";
import { eventRevision } from "../history/recording.js";
import type { CheckContext, FinalState } from "./check-context.js";
import { describeOperation } from "./describe-operation.js";
import { describeEvents, describePair, isSameEvent, isSamePair } from "./model/compare-answers.js";
import { evaluate } from "./model/evaluate.js";
import { ALL_KEYS } from "./model/key-range.js";
import type { StoreEvent } from "./model/versioned-store.js";
import type { StoreSequence } from "./store-sequence.js";
import { rangeOfWatch } from "./watch/watch-batches.js";

const GUARANTEE = "no-acknowledged-write-lost";

export function checkAcknowledgedWrites(
  { watches }: Pick<History, "watches">,
  sequence: StoreSequence,
  { finalStates = [] }: Pick<CheckContext, "finalStates"> = {},
): readonly Violation[] {
  return [
    ...checkDelivered(watches, sequence),
    ...finalStates.flatMap((state) => checkFinalState(state, sequence)),
  ];
}

function checkDelivered(
  watches: readonly WatchRecord[],
  { store, writers }: StoreSequence,
): readonly Violation[] {
  const ofAll = watches.flatMap((watch) => seenBy(watch) ?? []);
  const violations: Violation[] = [];
  for (const [revision, writer] of writers) {
    const seen = ofAll.filter(({ first, last }) => revision > first && revision < last);
    if (seen.length === 0 || writer.request.kind === "compact") continue;
    const { events, isCertain } = evaluate(store, revision - 1, writer.request);
    const delivered = seen.map(({ events: byRevision }) => byRevision.get(revision) ?? []);
    const isThere = delivered.some((of) =>
      events.every((event) => of.some((other) => isSameEvent(other, event))),
    );
    if (!isCertain || isThere) continue;
    const instead = delivered.find((of) => of.length > 0);
    const what = instead ? describeEvents(instead) : "nothing";
    const text = `Watches over all keys had ${what} at revision ${revision}; acknowledged was`;
    violations.push(fault(`${text}\n    ${describeOperation(writer)}`, writer));
  }
  return violations;
}

interface Seen {
  /** Revisions of its first and its last event. The last may have been under way, in fragments. */
  readonly first: number;
  readonly last: number;
  readonly events: ReadonlyMap<number, readonly StoreEvent[]>;
}

/** Undefined for a watch that is not over all keys. */
function seenBy(watch: WatchRecord): Seen | undefined {
  const { key, rangeEnd } = rangeOfWatch(watch);
  const isOfAll = key === ALL_KEYS.key && rangeEnd === ALL_KEYS.rangeEnd;
  if (!isOfAll || watch.filters.length > 0) return undefined;
  const byRevision = new Map<number, StoreEvent[]>();
  let [first, last] = [Infinity, 0];
  for (const event of watch.responses.flatMap(({ events }) => events)) {
    const revision = eventRevision(event);
    first = Math.min(first, revision);
    last = Math.max(last, revision);
    const known = byRevision.get(revision);
    if (known) known.push(event);
    else byRevision.set(revision, [event]);
  }
  return { first, last, events: byRevision };
}

function checkFinalState(
  { member, revision, kvs }: FinalState,
  { store, writers }: StoreSequence,
): readonly Violation[] {
  const violations: Violation[] = [];
  const held = new Map(kvs.map((kv) => [kv.key, kv]));
  for (const key of new Set([...store.keysIn(ALL_KEYS), ...held.keys()])) {
    if (!store.isCertain(key, revision)) continue;
    const expected = store.get(key, revision);
    const got = held.get(key);
    if (isSamePair(got, expected)) continue;
    const writer = expected && writers.get(expected.modRevision);
    const text =
      `${member} ends at revision ${revision} with ${describePair(got)} ` +
      `under ${key}, expected ${describePair(expected)}`;
    violations.push(fault(writer ? `${text}\n    ${describeOperation(writer)}` : text, writer));
  }
  return violations;
}

function fault(text: string, writer: Operation | undefined): Violation {
  const atMs = writer?.returnedMs;
  return { guarantee: GUARANTEE, text, ...(atMs !== undefined && { atMs }) };
}
