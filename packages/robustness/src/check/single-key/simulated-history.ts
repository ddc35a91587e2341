/**
 * Histories of a store that does everything right, for tests of the checks: clients whose operations
 * overlap, each taking effect at some moment between its call and its return; some never return, and
 * of these some take effect, at any later time.
 */
import { type Random, randomBelow } from "@sagong/base";
import type { Comparison, Found, KeyOperation } from "./key-model.js";
import type { KvSpan } from "./kv-history.js";

export interface SimulatedHistoryOptions {
  readonly random: Random;
  readonly clientCount: number;
  readonly keyCount: number;
  readonly operationCount: number;
  /** Of a hundred operations, so many have an unknown outcome. */
  readonly unknownPercent: number;
}

export function simulateHistory(options: SimulatedHistoryOptions): KvSpan[] {
  const { random, operationCount } = options;
  const history: KvSpan[] = [];
  const store = new SimulatedStore();
  const calls: (Call | undefined)[] = Array.from({ length: options.clientCount });
  /** Without an answer: they may take effect whenever they like. */
  const lost: Call[] = [];
  for (let now = 1, called = 0; history.length < operationCount; now++) {
    const ghost = lost[randomBelow(random, 4 * lost.length + 1)];
    if (ghost) {
      store.run(ghost);
      lost.splice(lost.indexOf(ghost), 1);
    }
    const client = randomBelow(random, calls.length);
    const call = calls[client];
    if (!call) {
      if (called < operationCount) calls[client] = newCall(store, client, now, options);
      called++;
    } else if (!call.operation.outcome && !call.isLost) {
      calls[client] = { ...call, operation: store.run(call) };
    } else {
      history.push(spanOf(call, call.isLost ? undefined : now));
      if (call.isLost) lost.push(call);
      calls[client] = undefined;
    }
  }
  return history;
}

interface Call {
  readonly client: number;
  readonly key: string;
  readonly calledAt: number;
  readonly operation: KeyOperation;
  readonly isLost: boolean;
}

function newCall(
  store: SimulatedStore,
  client: number,
  now: number,
  { random, keyCount, unknownPercent }: SimulatedHistoryOptions,
): Call {
  const key = `key-${randomBelow(random, keyCount)}`;
  const value = `${client}@${now}`;
  const isLost = randomBelow(random, 100) < unknownPercent;
  const found = store.get(key);
  const compare: Comparison =
    found && randomBelow(random, 2) === 0
      ? { by: "value", value: found.value }
      : { by: "mod-revision", modRevision: found?.modRevision ?? 0 };
  const operations: readonly KeyOperation[] = [
    { kind: "get", outcome: undefined },
    { kind: "put", value, outcome: undefined },
    { kind: "delete", outcome: undefined },
    { kind: "compare-and-put", compare, value, outcome: undefined },
  ];
  const operation = operations[randomBelow(random, operations.length)] as KeyOperation; // In range.
  return { client, key, calledAt: now, operation, isLost };
}

function spanOf(
  { client, key, calledAt, operation }: Call,
  returnedAt: number | undefined,
): KvSpan {
  return { client: `client-${client}`, key, calledAt, returnedAt, operation };
}

class SimulatedStore {
  readonly #pairs = new Map<string, Found>();
  #revision = 1;

  get(key: string): Found | undefined {
    return this.#pairs.get(key);
  }

  /** The operation with its outcome. */
  run({ key, operation }: Call): KeyOperation {
    const found = this.get(key);
    switch (operation.kind) {
      case "get":
        return { ...operation, outcome: { revision: this.#revision, found } };
      case "put":
        return { ...operation, outcome: { revision: this.#put(key, operation.value) } };
      case "delete": {
        if (this.#pairs.delete(key)) this.#revision++;
        return {
          ...operation,
          outcome: { revision: this.#revision, wasThere: found !== undefined },
        };
      }
      case "compare-and-put": {
        const { compare, value } = operation;
        const succeeded =
          compare.by === "value"
            ? found?.value === compare.value
            : (found?.modRevision ?? 0) === compare.modRevision;
        const outcome = succeeded
          ? ({ succeeded, revision: this.#put(key, value) } as const)
          : ({ succeeded, revision: this.#revision, found } as const);
        return { ...operation, outcome };
      }
    }
  }

  #put(key: string, value: string): number {
    this.#revision++;
    this.#pairs.set(key, { value, modRevision: this.#revision });
    return this.#revision;
  }
}
