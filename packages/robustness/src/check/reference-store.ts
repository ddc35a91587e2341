/**
 * A store that does everything right, for the tests of the judges: a copy of all pairs for each
 * revision. Slow, plain, and nothing that the model of the judges (model/) has in common with it.
 */
import { assert, type Random, randomBelow, unreachable } from "@sagong/base";
import type {
  DeleteAnswer,
  KvPair,
  KvRequest,
  KvResponse,
  Outcome,
  PutAnswer,
  RangeAnswer,
  TxnCompare,
  TxnStep,
  WatchEvent,
} from "../history/history.js";

type Pairs = ReadonlyMap<string, KvPair>;

export class ReferenceStore {
  readonly events: Map<number, readonly WatchEvent[]> = new Map();
  compacted = 0;
  /** Those that live. */
  readonly leases: string[] = ["71", "72", "73"];
  readonly endedLeases: string[] = [];
  /** By revision; 0 and 1 are empty. */
  readonly #states: Pairs[] = [new Map(), new Map()];

  get revision(): number {
    return this.#states.length - 1;
  }

  get(key: string, revision: number = this.revision): KvPair | undefined {
    return this.#states[revision]?.get(key);
  }

  run(request: KvRequest, random: Random): Outcome {
    if (request.kind === "compact") return this.#compact(request.revision);
    const isBehind = request.kind === "range" && request.serializable === true;
    const behind = isBehind ? randomBelow(random, 5) : 0;
    const now = Math.max(1, this.revision - behind);
    const compacted = isBehind ? Math.min(now, this.compacted) : this.compacted;
    const change = new Change(this.#states, now);
    const refusal = (revision: number | undefined): Outcome | undefined => {
      if (revision === undefined || revision <= 0) return undefined;
      if (revision > now) return refused("mvcc: required revision is a future revision");
      if (revision < compacted) return refused("mvcc: required revision has been compacted");
      return undefined;
    };
    const isLeaseGone = (step: TxnStep): boolean =>
      step.kind === "put" && step.lease !== undefined && !this.leases.includes(step.lease);
    if (request.kind !== "txn") {
      if (isLeaseGone(request)) return refused("requested lease not found");
      const no = request.kind === "range" ? refusal(request.revision) : undefined;
      return no ?? this.#done(change, change.step(request));
    }
    const succeeded = request.compares.every((compare) => holds(change.get(compare.key), compare));
    const steps = succeeded ? request.success : request.failure;
    for (const step of steps) {
      if (isLeaseGone(step)) return refused("requested lease not found");
      const no = step.kind === "range" ? refusal(step.revision) : undefined;
      if (no) return no;
    }
    const answers = steps.map((step) => change.step(step));
    return this.#done(change, { kind: "txn", revision: change.revision, succeeded, answers });
  }

  endLease(lease: string): void {
    const change = new Change(this.#states, this.revision);
    const pairs = [...(this.#states[this.revision] ?? new Map<string, KvPair>()).values()];
    this.endedLeases.push(lease);
    this.leases[this.leases.indexOf(lease)] = `${lease}${this.endedLeases.length}`;
    for (const pair of pairs.toSorted((a, b) => (a.key < b.key ? -1 : 1))) {
      if (pair.lease === lease) change.step({ kind: "delete", key: pair.key });
    }
    this.#keep(change);
  }

  #compact(revision: number): Outcome {
    if (revision > this.revision) return refused("mvcc: required revision is a future revision");
    if (revision <= this.compacted) return refused("mvcc: required revision has been compacted");
    this.compacted = revision;
    return { kind: "answered", response: { kind: "compact", revision: this.revision } };
  }

  #done(change: Change, response: KvResponse): Outcome {
    this.#keep(change);
    return { kind: "answered", response };
  }

  #keep({ events, pairs }: Change): void {
    if (events.length === 0) return;
    this.#states.push(pairs);
    this.events.set(this.revision, events);
  }
}

class Change {
  readonly events: WatchEvent[] = [];
  readonly pairs: Map<string, KvPair>;
  readonly #states: readonly Pairs[];
  readonly #now: number;

  constructor(states: readonly Pairs[], now: number) {
    this.#states = states;
    this.#now = now;
    this.pairs = new Map(states[now]);
  }

  get revision(): number {
    return this.#now + (this.events.length > 0 ? 1 : 0);
  }

  get(key: string): KvPair | undefined {
    return this.pairs.get(key);
  }

  step(step: TxnStep): RangeAnswer | PutAnswer | DeleteAnswer {
    switch (step.kind) {
      case "range": {
        const past = step.revision !== undefined && step.revision > 0;
        const pairs = past ? (this.#states[step.revision] ?? new Map()) : this.pairs;
        const all = within(pairs, step);
        const limit = step.limit ?? 0;
        const cut = limit > 0 ? all.slice(0, limit) : all;
        const kvs = step.countOnly
          ? []
          : cut.map((kv) => (step.keysOnly ? { ...kv, value: "" } : kv));
        const more = !step.countOnly && all.length > cut.length;
        return { kind: "range", revision: this.revision, kvs, count: all.length, more };
      }
      case "put": {
        const { key, value, lease, prevKv } = step;
        const old = this.pairs.get(key);
        const modRevision = this.#now + 1;
        const createRevision = old ? old.createRevision : modRevision;
        const version = old ? old.version + 1 : 1;
        const kv = { key, value, createRevision, modRevision, version };
        this.pairs.set(key, lease === undefined ? kv : { ...kv, lease });
        this.events.push({ kind: "put", kv: this.pairs.get(key) ?? kv });
        return { kind: "put", revision: modRevision, ...(prevKv && old && { prevKv: old }) };
      }
      case "delete": {
        const found = within(this.pairs, step);
        for (const { key } of found) {
          this.pairs.delete(key);
          this.events.push({ kind: "delete", key, modRevision: this.#now + 1 });
        }
        const prevKvs = step.prevKv ? found : [];
        return { kind: "delete", revision: this.revision, deleted: found.length, prevKvs };
      }
      default:
        return unreachable(step, "step");
    }
  }
}

function within(
  pairs: Pairs,
  keys: { readonly key: string; readonly rangeEnd?: string },
): KvPair[] {
  return [...pairs.values()]
    .filter(({ key }) => isWithin(keys, key))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

export function isWithin(
  keys: { readonly key: string; readonly rangeEnd?: string },
  key: string,
): boolean {
  if (keys.rangeEnd === undefined) return key === keys.key;
  return key >= keys.key && (keys.rangeEnd === "\0" || key < keys.rangeEnd);
}

function holds(pair: KvPair | undefined, { target, result, operand }: TxnCompare): boolean {
  if (target === "value") {
    assert(result === "=", "only equality of values is asked for here");
    return pair?.value === operand;
  }
  const found = { mod: pair?.modRevision, create: pair?.createRevision, version: pair?.version };
  const number = found[target] ?? 0;
  const wanted = Number(operand);
  return {
    "=": number === wanted,
    "!=": number !== wanted,
    "<": number < wanted,
    ">": number > wanted,
  }[result];
}

function refused(text: string): Outcome {
  return { kind: "refused", error: `etcdserver: ${text}` };
}
