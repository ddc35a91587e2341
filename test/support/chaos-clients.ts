/**
 * Clients that read, write, delete and swap a few keys of a store, each at one member, until they
 * are stopped. What they do follows from the seed; what becomes of it does not.
 */
import { type Random, randomBelow, seededRandom } from "@sagong/base";
import type { StoreClient } from "@sagong/kv/client";
import type { Comparison, Found, KeyOperation } from "@sagong/robustness";
import type { HistoryRecorder } from "./history-recorder.js";

export interface ChaosClientsOptions {
  readonly seed: number;
  /** One client of `stores` each, in turn. */
  readonly stores: readonly StoreClient[];
  readonly clientCount: number;
  readonly keyCount: number;
  readonly recorder: HistoryRecorder;
}

/** Between two operations of a client: a history of some 10,000 operations, not of 100,000. */
const THINK_MS_MAX = 50;

export class ChaosClients {
  readonly #options: ChaosClientsOptions;
  readonly #running: readonly Promise<void>[];
  /** What somebody last saw under each key: what swaps expect. */
  readonly #seen = new Map<string, Found | undefined>();
  #isStopped = false;

  constructor(options: ChaosClientsOptions) {
    this.#options = options;
    this.#running = Array.from({ length: options.clientCount }, (_, i) => this.#run(i));
  }

  /** Resolves when all have their last answer. Rejects with what is not the store's fault. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#running);
  }

  async #run(index: number): Promise<void> {
    const { seed, stores, recorder, keyCount } = this.#options;
    const random = seededRandom(seed + index);
    const store = stores[index % stores.length];
    if (!store) throw new Error("no stores");
    for (let count = 0; !this.#isStopped; count++) {
      const key = `chaos/${randomBelow(random, keyCount)}`;
      const operation = this.#choose(random, { key, value: `${index}-${count}` });
      const done = await recorder.run(store, { client: `client-${index}`, key }, operation);
      this.#note(key, done);
      const thinkMs = randomBelow(random, THINK_MS_MAX);
      await new Promise((resolve) => setTimeout(resolve, thinkMs));
    }
  }

  #choose(
    random: Random,
    { key, value }: { readonly key: string; readonly value: string },
  ): KeyOperation {
    const percent = randomBelow(random, 100);
    if (percent < 35) return { kind: "get", outcome: undefined };
    if (percent < 65) return { kind: "put", value, outcome: undefined };
    if (percent < 75) return { kind: "delete", outcome: undefined };
    const seen = this.#seen.get(key);
    const compare: Comparison =
      seen && percent < 85
        ? { by: "value", value: seen.value }
        : { by: "mod-revision", modRevision: seen?.modRevision ?? 0 };
    return { kind: "compare-and-put", compare, value, outcome: undefined };
  }

  #note(key: string, { kind, outcome }: KeyOperation): void {
    if (kind === "get" && outcome) this.#seen.set(key, outcome.found);
    if (kind === "compare-and-put" && outcome?.succeeded === false) {
      this.#seen.set(key, outcome.found);
    }
  }
}
