/**
 * What is true: the one store behind all API servers, in memory (the twin that passes the same suite as
 * the real store's), and whoever wants to be told of each change of it at once. Each API server
 * reaches it through a `StoreLink` of its own, which takes time: between a server's read and its
 * write others write, and its watches may be seconds behind.
 */
import { MemoryStorage } from "@sagong/orchestrator/parts";
import type {
  ListRequest,
  Storage,
  StorageBatch,
  StorageWatch,
  Stored,
  StoredList,
} from "@sagong/orchestrator/parts";
import { delay } from "@sagong/base";
import type { KubeObject } from "@sagong/orchestrator/api";
import type { World } from "../world/world.js";
import type { SimulatedProcess } from "./simulated-process.js";

/** One object before and after; undefined where it was not there, or is no more. */
export interface TrueChange {
  readonly key: string;
  readonly version: number;
  readonly before: KubeObject | undefined;
  readonly after: KubeObject | undefined;
}

export class TrueStore {
  readonly memory: MemoryStorage = new MemoryStorage();
  readonly #objects = new Map<string, KubeObject>();
  readonly #onChange: (change: TrueChange) => void;

  constructor(onChange: (change: TrueChange) => void) {
    this.#onChange = onChange;
  }

  /** Everything below a prefix, as it is now. */
  list(prefix: string): KubeObject[] {
    return [...this.#objects].flatMap(([key, object]) => (key.startsWith(prefix) ? [object] : []));
  }

  get(key: string): KubeObject | undefined {
    return this.#objects.get(key);
  }

  async create(key: string, object: KubeObject): Promise<number | undefined> {
    return this.#changed(key, object, await this.memory.create(key, object));
  }

  async update(key: string, object: KubeObject, expected: number): Promise<number | undefined> {
    return this.#changed(key, object, await this.memory.update(key, object, expected));
  }

  async delete(key: string, expected: number): Promise<number | undefined> {
    return this.#changed(key, undefined, await this.memory.delete(key, expected));
  }

  #changed(
    key: string,
    after: KubeObject | undefined,
    version: number | undefined,
  ): number | undefined {
    if (version === undefined) return undefined;
    const before = this.#objects.get(key);
    if (after) this.#objects.set(key, after);
    else this.#objects.delete(key);
    this.#onChange({ key, version, before, after });
    return version;
  }
}

export interface StoreLinkOptions {
  readonly world: World;
  readonly store: TrueStore;
  /** The API server's. */
  readonly process: SimulatedProcess;
  /** Time of one way between server and store; 0: none. */
  readonly delayMs: () => number;
  /** Until when batches of watches are held back: the server's caches are stale. */
  readonly heldUntilMs: () => number;
}

export class StoreLink implements Storage {
  readonly #options: StoreLinkOptions;

  constructor(options: StoreLinkOptions) {
    this.#options = options;
  }

  get(key: string): Promise<Stored | undefined> {
    return this.#through(() => this.#options.store.memory.get(key));
  }

  list(prefix: string, request?: ListRequest): Promise<StoredList> {
    return this.#through(() => this.#options.store.memory.list(prefix, request));
  }

  create(key: string, object: KubeObject): Promise<number | undefined> {
    return this.#through(() => this.#options.store.create(key, object));
  }

  update(key: string, object: KubeObject, expected: number): Promise<number | undefined> {
    return this.#through(() => this.#options.store.update(key, object, expected));
  }

  delete(key: string, expected: number): Promise<number | undefined> {
    return this.#through(() => this.#options.store.delete(key, expected));
  }

  watch(prefix: string, version: number, signal: AbortSignal): StorageWatch {
    const watch = this.#options.store.memory.watch(prefix, version, signal);
    const batches = this.#held(watch, signal);
    return {
      [Symbol.asyncIterator]: () => batches,
      requestProgress: () => watch.requestProgress(),
    };
  }

  /** What was asked happens even where the asker dies meanwhile; it only never hears of it. */
  #through<T>(act: () => Promise<T>): Promise<T> {
    const { world, process, delayMs } = this.#options;
    const [thereMs, backMs] = [delayMs(), delayMs()];
    if (thereMs === 0 && backMs === 0) return act();
    return new Promise((resolve, reject) => {
      world.after(thereMs, () => {
        act().then(
          (value) => process.gate.after(backMs, () => resolve(value)),
          (error: unknown) => process.gate.after(backMs, () => reject(error)),
        );
      });
    });
  }

  async *#held(watch: StorageWatch, signal: AbortSignal): AsyncGenerator<StorageBatch> {
    const { world, process, heldUntilMs } = this.#options;
    for await (const batch of watch) {
      while (world.nowMs < heldUntilMs() && !signal.aborted) {
        await delay(process.clock, heldUntilMs() - world.nowMs, signal).catch(() => {}); // Seen below.
      }
      if (signal.aborted) return;
      yield batch;
    }
  }
}
