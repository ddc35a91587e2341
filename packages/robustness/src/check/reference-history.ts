/**
 * Histories of a store that does everything right, by seed, for the tests of the judges: clients whose
 * calls overlap, each taking effect at some moment between its call and its return, some never
 * answered, and of these some take effect at any later time; reads of the past and of members that are
 * behind; compactions; leases that end; watches of all sorts.
 *
 * The store here is a copy of all pairs for each revision: slow, plain, and nothing that the model of
 * the judges (model/) has in common with it.
 */
import { assert, type Random, randomBelow, unreachable } from "@sagong/base";
import type {
  DeleteAnswer,
  History,
  KvPair,
  KvRequest,
  KvResponse,
  Operation,
  Outcome,
  PutAnswer,
  RangeAnswer,
  RangeOp,
  TxnCompare,
  TxnStep,
  WatchAnswer,
  WatchEvent,
  WatchRecord,
} from "../history/history.js";

export interface ReferenceHistoryOptions {
  readonly random: Random;
  readonly clientCount: number;
  readonly keyCount: number;
  readonly operationCount: number;
  /** Of a hundred operations, so many have an unknown outcome. */
  readonly unknownPercent: number;
  /** Only gets, puts, deletes and compare-and-puts of single keys, and no leases. */
  readonly isPlain?: boolean;
  /** Watches beside one over all keys from the beginning. */
  readonly watchCount?: number;
}

export interface ReferenceHistory extends History {
  /** Of each revision, as an observer inside of the store would see them. */
  readonly events: ReadonlyMap<number, readonly WatchEvent[]>;
}

const MS_PER_MOMENT = 0.5;

export function referenceHistory(options: ReferenceHistoryOptions): ReferenceHistory {
  return new Run(options).run();
}

interface Call {
  readonly client: number;
  readonly calledAt: number;
  readonly request: KvRequest;
  readonly isLost: boolean;
  outcome: Outcome | undefined;
}

class Run {
  readonly #options: ReferenceHistoryOptions;
  readonly #store = new ReferenceStore();
  readonly #operations: Operation[] = [];
  readonly #watchers: Watcher[] = [];
  /** Without an answer: they may take effect whenever they like. */
  readonly #lost: Call[] = [];
  #now = 0;

  constructor(options: ReferenceHistoryOptions) {
    this.#options = options;
  }

  run(): ReferenceHistory {
    const { random, clientCount, operationCount } = this.#options;
    const calls: (Call | undefined)[] = Array.from({ length: clientCount });
    this.#watch({ key: "\0", rangeEnd: "\0", startRevision: 2 });
    for (let called = 0; this.#operations.length < operationCount;) {
      this.#now++;
      this.#haunt();
      const client = randomBelow(random, calls.length);
      const call = calls[client];
      if (!call) {
        if (called++ < operationCount) calls[client] = this.#call(client);
      } else if (!call.outcome && !call.isLost) {
        call.outcome = this.#store.run(call.request, random);
      } else {
        this.#return(call);
        calls[client] = undefined;
      }
      this.#letWatchersGoOn();
    }
    for (const watcher of this.#watchers) watcher.finish(++this.#now, this.#store);
    return {
      operations: this.#operations,
      watches: this.#watchers.map(({ record }) => record),
      leases: this.#store.endedLeases.map((id) => leaseRecord(id)),
      events: this.#store.events,
    };
  }

  /** Somebody's request of long ago takes effect, or a lease ends. */
  #haunt(): void {
    const { random, isPlain } = this.#options;
    const ghost = this.#lost[randomBelow(random, 4 * this.#lost.length + 1)];
    if (ghost) {
      this.#store.run(ghost.request, random);
      this.#lost.splice(this.#lost.indexOf(ghost), 1);
    }
    const lease = isPlain ? undefined : this.#store.leases[randomBelow(random, 500)];
    if (lease !== undefined) this.#store.endLease(lease);
  }

  #call(client: number): Call {
    const { random, keyCount, unknownPercent, isPlain } = this.#options;
    const value = `${client}@${this.#now}`;
    const make = isPlain ? plainRequest : anyRequest;
    const request = make({ random, keyCount, value, store: this.#store });
    const isLost = randomBelow(random, 100) < unknownPercent;
    return { client, calledAt: this.#now, request, isLost, outcome: undefined };
  }

  #return(call: Call): void {
    const { client, calledAt, request, isLost } = call;
    if (isLost) this.#lost.push(call);
    const outcome = call.outcome ?? { kind: "unknown", error: "lost" };
    const returnedAt = isLost ? undefined : this.#now;
    this.#operations.push({
      client: `client-${client}`,
      member: `m${(client % 3) + 1}`,
      calledAt,
      calledMs: calledAt * MS_PER_MOMENT,
      returnedAt,
      returnedMs: returnedAt === undefined ? undefined : returnedAt * MS_PER_MOMENT,
      request,
      outcome,
    });
  }

  #letWatchersGoOn(): void {
    const { random, watchCount = 0 } = this.#options;
    if (this.#watchers.length <= watchCount && randomBelow(random, 20) === 0) {
      const { revision, compacted } = this.#store;
      const choices = [0, Math.max(1, compacted), revision, revision + 1, revision + 3];
      const startRevision = choices[randomBelow(random, choices.length)] ?? 0;
      const single = randomBelow(random, 3) === 0;
      this.#watch({ key: "k1", startRevision, ...(!single && { rangeEnd: "k3" }) });
    }
    const watcher = this.#watchers[randomBelow(random, 4 * this.#watchers.length)];
    watcher?.goOn(++this.#now, this.#store, random);
  }

  #watch(asked: Pick<WatchRecord, "key" | "rangeEnd" | "startRevision">): void {
    const { random } = this.#options;
    const isFirst = this.#watchers.length === 0;
    const chance = (): boolean => !isFirst && randomBelow(random, 3) === 0;
    const watcher = new Watcher({
      ...asked,
      client: `watcher-${this.#watchers.length}`,
      member: "m1",
      prevKv: chance(),
      progressNotify: true,
      fragment: chance(),
      filters: chance() ? ["put"] : chance() ? ["delete"] : [],
      createdMs: this.#now * MS_PER_MOMENT,
      createdAt: this.#now,
    });
    watcher.create(++this.#now, this.#store);
    this.#watchers.push(watcher);
  }
}

function leaseRecord(id: string): History["leases"][number] {
  const [ttlMs, grantedMs] = [Number.MAX_SAFE_INTEGER, undefined];
  return { id, client: "nobody", ttlMs, grantCalledMs: 0, grantedMs, renewals: [], keys: [] };
}

interface RequestChoice {
  readonly random: Random;
  readonly keyCount: number;
  readonly value: string;
  readonly store: ReferenceStore;
}

function plainRequest({ random, keyCount, value, store }: RequestChoice): KvRequest {
  const key = `k${randomBelow(random, keyCount)}`;
  const found = store.get(key);
  const compare: TxnCompare =
    found && randomBelow(random, 2) === 0
      ? { key, target: "value", result: "=", operand: found.value }
      : { key, target: "mod", result: "=", operand: found?.modRevision ?? 0 };
  const put = { kind: "put", key, value } as const;
  const get = { kind: "range", key } as const;
  const requests: readonly KvRequest[] = [
    get,
    put,
    { kind: "delete", key },
    { kind: "txn", compares: [compare], success: [put], failure: [get] },
  ];
  return requests[randomBelow(random, requests.length)] as KvRequest; // In range.
}

function anyRequest(choice: RequestChoice): KvRequest {
  const { random, store, value, keyCount } = choice;
  const dice = randomBelow(random, 100);
  if (dice < 45) return plainRequest(choice);
  if (dice < 48) {
    return { kind: "compact", revision: Math.max(1, store.revision - randomBelow(random, 9)) };
  }
  const key = `k${randomBelow(random, keyCount)}`;
  const rangeEnds = [undefined, "\0", `k${randomBelow(random, keyCount)}`];
  const rangeEnd = rangeEnds[randomBelow(random, rangeEnds.length)];
  const keys = { key, ...(rangeEnd !== undefined && rangeEnd > key && { rangeEnd }) };
  const all = rangeEnd === "\0" ? { key, rangeEnd } : keys;
  const prevKv = randomBelow(random, 2) === 0;
  if (dice < 55) return { kind: "delete", ...all, prevKv };
  const lease = store.leases[randomBelow(random, 2 * store.leases.length)];
  const put = { kind: "put", key, value, prevKv, ...(lease !== undefined && { lease }) } as const;
  if (dice < 65) return put;
  const range = rangeRequest(choice, all);
  if (dice < 85) return range;
  const { serializable: _, ...inTxn } = range;
  const compares: readonly TxnCompare[] = [
    { key, target: "version", result: ">", operand: randomBelow(random, 3) },
    { key, target: "create", result: "!=", operand: 0 },
  ];
  return {
    kind: "txn",
    compares: compares.slice(0, randomBelow(random, 3)),
    success: [inTxn, put, { kind: "range", key }],
    failure: [
      { kind: "delete", key: "k", rangeEnd: "k2", prevKv },
      { kind: "range", ...all },
    ],
  };
}

function rangeRequest({ random, store }: RequestChoice, keys: Pick<RangeOp, "key">): RangeOp {
  const chance = (): boolean => randomBelow(random, 4) === 0;
  const revision = Math.max(1, store.revision + 1 - randomBelow(random, 12));
  return {
    kind: "range",
    ...keys,
    ...(chance() && { revision }),
    ...(chance() && { limit: 1 + randomBelow(random, 3) }),
    ...(chance() && { serializable: true }),
    ...(chance() && { keysOnly: true }),
    ...(chance() && { countOnly: true }),
  };
}

// ── The store ──────────────────────────────────────────────────────────────────────────────────

type Pairs = ReadonlyMap<string, KvPair>;

class ReferenceStore {
  readonly events = new Map<number, readonly WatchEvent[]>();
  compacted = 0;
  /** Those that live. */
  readonly leases = ["71", "72", "73"];
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

function isWithin(
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

// ── Watches ────────────────────────────────────────────────────────────────────────────────────

class Watcher {
  readonly #asked: Omit<WatchRecord, "responses" | "reachedEnd">;
  readonly #responses: WatchAnswer[] = [];
  /** The next revision that it is to see. */
  #next = 0;
  #isOver = false;
  #reachedEnd = false;

  constructor(asked: Omit<WatchRecord, "responses" | "reachedEnd">) {
    this.#asked = asked;
  }

  get record(): WatchRecord {
    return { ...this.#asked, responses: this.#responses, reachedEnd: this.#reachedEnd };
  }

  create(at: number, { revision }: ReferenceStore): void {
    const { startRevision } = this.#asked;
    this.#next = startRevision > 0 ? startRevision : revision + 1;
    this.#respond(at, { headerRevision: revision, created: true, events: [] });
  }

  /** Some of what it has not seen yet, a bookmark, or the end because it is too far behind. */
  goOn(at: number, store: ReferenceStore, random: Random): void {
    if (this.#isOver) return;
    const { compacted, revision } = store;
    // The one over all keys is never so far behind: it tells what every revision did.
    const isWitness = this.#asked.rangeEnd === "\0";
    if (!isWitness && this.#next < compacted && randomBelow(random, 2) === 0) {
      this.#isOver = true;
      const canceled = { reason: "", compactRevision: compacted };
      this.#respond(at, { headerRevision: 0, canceled, events: [] });
      return;
    }
    const upTo = Math.min(revision, this.#next + randomBelow(random, 4));
    this.#deliver(at, store, { upTo, random });
    const isBehind = this.#next <= revision;
    if (!isBehind && revision >= this.#asked.startRevision && randomBelow(random, 3) === 0) {
      this.#respond(at, { headerRevision: revision, events: [] });
    }
  }

  finish(at: number, store: ReferenceStore): void {
    if (this.#isOver) return;
    this.#deliver(at, store, { upTo: store.revision });
    this.#reachedEnd = true;
  }

  #deliver(
    at: number,
    store: ReferenceStore,
    { upTo, random }: { readonly upTo: number; readonly random?: Random },
  ): void {
    const events: WatchEvent[] = [];
    for (; this.#next <= upTo; this.#next++) {
      events.push(...this.#seen(store, this.#next));
    }
    if (events.length === 0) return;
    const headerRevision = store.revision;
    const cut = random && this.#asked.fragment ? randomBelow(random, events.length) : 0;
    if (cut > 0)
      this.#respond(at, { headerRevision, events: events.slice(0, cut), fragment: true });
    this.#respond(at, { headerRevision, events: events.slice(cut) });
  }

  #seen(store: ReferenceStore, revision: number): readonly WatchEvent[] {
    const { filters, prevKv } = this.#asked;
    return (store.events.get(revision) ?? []).flatMap((event): readonly WatchEvent[] => {
      const key = event.kind === "put" ? event.kv.key : event.key;
      if (filters.includes(event.kind) || !isWithin(this.#asked, key)) return [];
      const previous = prevKv ? store.get(key, revision - 1) : undefined;
      return [previous && revision - 1 >= store.compacted ? { ...event, prevKv: previous } : event];
    });
  }

  #respond(at: number, answer: Omit<WatchAnswer, "at" | "atMs">): void {
    this.#responses.push({ ...answer, at, atMs: at * MS_PER_MOMENT });
  }
}
