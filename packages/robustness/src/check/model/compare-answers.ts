/** Whether two answers, pairs or events say the same; and where they do not, what differs. */
import type {
  DeleteAnswer,
  KvPair,
  KvResponse,
  PutAnswer,
  RangeAnswer,
} from "../../history/history.js";
import type { StoreEvent } from "./versioned-store.js";

type StepAnswer = RangeAnswer | PutAnswer | DeleteAnswer;

/** The first difference as "what: got, expected", undefined where there is none. */
export function differenceOf(got: KvResponse, expected: KvResponse): string | undefined {
  if (got.kind !== expected.kind) return say("kind", got.kind, expected.kind);
  const atRevision = differ("revision", got.revision, expected.revision);
  if (atRevision !== undefined) return atRevision;
  if (got.kind === "txn" && expected.kind === "txn") {
    return (
      differ("succeeded", got.succeeded, expected.succeeded) ??
      differ("number of answers", got.answers.length, expected.answers.length) ??
      firstOf(got.answers, (answer, i) => {
        const wanted = expected.answers[i];
        const difference = wanted && stepDifference(answer, wanted);
        return difference === undefined ? undefined : `answer ${i + 1}: ${difference}`;
      })
    );
  }
  if (got.kind === "compact" || expected.kind === "compact") return undefined;
  if (got.kind === "txn" || expected.kind === "txn") return undefined;
  return stepDifference(got, expected);
}

export function isSamePair(a: KvPair | undefined, b: KvPair | undefined): boolean {
  if (!a || !b) return a === b;
  return (
    a.key === b.key &&
    a.value === b.value &&
    a.modRevision === b.modRevision &&
    a.createRevision === b.createRevision &&
    a.version === b.version &&
    (a.lease ?? "0") === (b.lease ?? "0")
  );
}

/** `prevKv` is not compared. */
export function isSameEvent(a: StoreEvent, b: StoreEvent): boolean {
  if (a.kind === "put") return b.kind === "put" && isSamePair(a.kv, b.kv);
  return b.kind === "delete" && a.key === b.key && a.modRevision === b.modRevision;
}

export function areSameEvents(a: readonly StoreEvent[], b: readonly StoreEvent[]): boolean {
  return a.length === b.length && a.every((event, i) => isSameEvent(event, b[i] as StoreEvent)); // As long as a.
}

export function describePair(pair: KvPair | undefined): string {
  if (!pair) return "nothing";
  const { key, value, modRevision, createRevision, version, lease } = pair;
  const leased = lease === undefined || lease === "0" ? "" : ` lease ${lease}`;
  return `${key}="${value}" (mod ${modRevision} create ${createRevision} version ${version}${leased})`;
}

export function describeEvent(event: StoreEvent): string {
  if (event.kind === "put") return `put ${describePair(event.kv)}`;
  return `delete ${event.key} (mod ${event.modRevision})`;
}

export function describeEvents(events: readonly StoreEvent[] | undefined): string {
  if (!events) return "unknown";
  return events.length === 0 ? "nothing" : events.map(describeEvent).join(", ");
}

function stepDifference(got: StepAnswer, expected: StepAnswer): string | undefined {
  const atRevision = differ("revision", got.revision, expected.revision);
  if (got.kind === "range" && expected.kind === "range") {
    return (
      atRevision ??
      differ("count", got.count, expected.count) ??
      differ("more", got.more, expected.more) ??
      pairsDifference("kvs", got.kvs, expected.kvs)
    );
  }
  if (got.kind === "put" && expected.kind === "put") {
    if (isSamePair(got.prevKv, expected.prevKv)) return atRevision;
    return say("prev_kv", describePair(got.prevKv), describePair(expected.prevKv));
  }
  if (got.kind === "delete" && expected.kind === "delete") {
    return (
      atRevision ??
      differ("deleted", got.deleted, expected.deleted) ??
      pairsDifference("prev_kvs", got.prevKvs, expected.prevKvs)
    );
  }
  return say("kind", got.kind, expected.kind);
}

function pairsDifference(
  what: string,
  got: readonly KvPair[],
  expected: readonly KvPair[],
): string | undefined {
  return (
    firstOf(expected, (pair, i) =>
      isSamePair(got[i], pair) ? undefined : say(what, describePair(got[i]), describePair(pair)),
    ) ?? differ(`number of ${what}`, got.length, expected.length)
  );
}

function differ<T extends string | number | boolean>(
  what: string,
  got: T,
  expected: T,
): string | undefined {
  return got === expected ? undefined : say(what, String(got), String(expected));
}

function say(what: string, got: string, expected: string): string {
  return `${what}: ${got}, expected ${expected}`;
}

function firstOf<T>(
  items: readonly T[],
  find: (item: T, index: number) => string | undefined,
): string | undefined {
  for (const [i, item] of items.entries()) {
    const found = find(item, i);
    if (found !== undefined) return found;
  }
  return undefined;
}
