/**
 * Histories of a store that does everything right, by seed, for the tests of the judges: clients whose
 * calls overlap, each taking effect at some moment between its call and its return, some never
 * answered, and of these some take effect at any later time; reads of the past and of members that are
 * behind; compactions; leases that end; watches of all sorts.
 */
import { type Random, randomBelow } from "@sagong/base";
import type {
  History,
  KvRequest,
  Operation,
  Outcome,
  RangeOp,
  TxnCompare,
  WatchEvent,
  WatchRecord,
} from "../history/history.js";
import { ReferenceStore } from "./reference-store.js";
import { MS_PER_MOMENT, ReferenceWatcher } from "./reference-watcher.js";

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
  readonly #watchers: ReferenceWatcher[] = [];
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
    const watcher = new ReferenceWatcher({
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
