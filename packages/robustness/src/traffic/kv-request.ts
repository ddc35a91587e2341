/** What a client of keys and values asks for next. Pure but for the chance and the counter of values. */
import type { KvRequest, RangeOp, TxnCompare, TxnOp, TxnStep } from "../history/history.js";
import { between, happens, oneOf, shuffled, weighted } from "./dice.js";
import type { KvAction, TrafficProfile } from "./profile.js";
import type { TrafficClient } from "./traffic-client.js";

/** All keys of these clients begin so, and nobody else's. */
export const KV_PREFIX = "k";
export const KV_PREFIX_END = "l";
/** How far back reads of old revisions go: often behind the last compaction, too. */
const OLD_REVISIONS = 60;
/** Nobody writes so much in a run: certainly the future. */
const FUTURE_REVISIONS = 1_000_000;

export function kvKey(number: number): string {
  return `${KV_PREFIX}${String(number).padStart(2, "0")}`;
}

/** What this client believes of keys: modified revisions that it has read, perhaps long ago. */
export type KnownKeys = ReadonlyMap<string, number>;

export function nextKvRequest(
  client: TrafficClient,
  profile: Pick<TrafficProfile, "keys" | "weights">,
  known: KnownKeys,
): KvRequest {
  const { random } = client;
  const action = weighted(random, profile.weights);
  const keys = Array.from({ length: profile.keys }, (_, i) => kvKey(i));
  const key = oneOf(random, keys);
  switch (action) {
    case "put":
      return { ...put(client, key), ...(happens(random, 0.3) && { prevKv: true }) };
    case "get":
      return { kind: "range", key };
    case "list":
    case "limited":
    case "old-revision":
    case "serializable":
      return rangeOf(client, action, keys);
    case "delete":
      return { kind: "delete", key, ...(happens(random, 0.3) && { prevKv: true }) };
    case "delete-range":
      return { kind: "delete", ...span(client, keys), prevKv: happens(random, 0.5) };
    case "compare-and-swap":
      return compareAndSwap(client, key, known);
    case "txn":
      return transaction(client, keys, known);
    case "txn-old-read":
      return oldReadInTransaction(client, keys);
  }
}

function put(client: TrafficClient, key: string) {
  return { kind: "put", key, value: client.run.uniqueValue(client.name) } as const;
}

function span(client: TrafficClient, keys: readonly string[]) {
  const pair = [oneOf(client.random, keys), oneOf(client.random, keys)] as const;
  const [from, to] = pair[0] <= pair[1] ? pair : [pair[1], pair[0]];
  // Half-open, and never empty: up to a key that is there, which stays out of it, or right behind one.
  const isUpToKey = from < to && happens(client.random, 0.5);
  return { key: from, rangeEnd: isUpToKey ? to : `${to}~` };
}

function rangeOf(client: TrafficClient, action: KvAction, keys: readonly string[]): RangeOp {
  const { random } = client;
  const all = { kind: "range", key: KV_PREFIX, rangeEnd: KV_PREFIX_END } as const;
  const one = { kind: "range", key: oneOf(random, keys) } as const;
  if (action === "limited") {
    return { kind: "range", ...span(client, keys), limit: between(random, [1, 4]) };
  }
  if (action === "old-revision") {
    return { ...(happens(random, 0.5) ? all : one), revision: oldRevision(client) };
  }
  if (action === "serializable") {
    return { ...(happens(random, 0.5) ? all : one), serializable: true };
  }
  const only = oneOf(random, [{}, {}, { keysOnly: true }, { countOnly: true }]);
  return { ...(happens(random, 0.6) ? all : { kind: "range", ...span(client, keys) }), ...only };
}

/** Mostly one that is kept, sometimes one that is compacted, seldom one of the future. */
function oldRevision({ random, run }: TrafficClient): number {
  if (happens(random, 0.03)) return run.newestRevision + FUTURE_REVISIONS;
  if (happens(random, 0.15)) return Math.max(1, run.compactedRevision + between(random, [-1, 1]));
  return Math.max(1, run.newestRevision - between(random, [0, OLD_REVISIONS]));
}

/** As Kubernetes writes: only if nobody has since it was read; the present version otherwise. */
function compareAndSwap(client: TrafficClient, key: string, known: KnownKeys): TxnOp {
  const operand = known.get(key) ?? 0;
  const isDelete = operand > 0 && happens(client.random, 0.1);
  return {
    kind: "txn",
    compares: [{ key, target: "mod", result: "=", operand }],
    success: [isDelete ? { kind: "delete", key } : put(client, key)],
    failure: [{ kind: "range", key }],
  };
}

/** One to three comparisons, up to four steps on keys of their own on either side. */
function transaction(client: TrafficClient, keys: readonly string[], known: KnownKeys): TxnOp {
  const { random } = client;
  const compares = Array.from({ length: between(random, [0, 3]) }, () =>
    comparison(client, oneOf(random, keys), known),
  );
  return { kind: "txn", compares, success: steps(client, keys), failure: steps(client, keys) };
}

function steps(client: TrafficClient, keys: readonly string[]): TxnStep[] {
  const { random } = client;
  return shuffled(random, keys)
    .slice(0, between(random, [0, 4]))
    .flatMap((key): TxnStep[] => {
      const kind = weighted(random, { put: 4, range: 3, delete: 1, around: 1 });
      if (kind === "range") return [{ kind, key }];
      if (kind === "delete") return [{ kind, key }];
      if (kind === "put") return [put(client, key)];
      // What a transaction reads behind its own write is what it wrote.
      return [{ kind: "range", key }, put(client, key), { kind: "range", key }];
    });
}

function comparison(client: TrafficClient, key: string, known: KnownKeys): TxnCompare {
  const { random, run } = client;
  const result = oneOf(random, ["=", "!=", "<", ">"] as const);
  const target = oneOf(random, ["mod", "create", "version", "value"] as const);
  const mod = known.get(key) ?? 0;
  const operand = {
    mod,
    create: happens(random, 0.5) ? 0 : mod,
    version: between(random, [0, 3]),
    value: `${client.name}.${run.newestRevision}`,
  }[target];
  return { key, target, result, operand };
}

/** A read of an old revision among writes; where it is compacted the whole must do nothing (#18667). */
function oldReadInTransaction(client: TrafficClient, keys: readonly string[]): TxnOp {
  const key = oneOf(client.random, keys);
  const old = {
    kind: "range",
    key: oneOf(client.random, keys),
    revision: oldRevision(client),
  } as const;
  const write = put(client, key);
  const success = happens(client.random, 0.5) ? [old, write] : [write, old];
  return { kind: "txn", compares: [], success, failure: [] };
}
