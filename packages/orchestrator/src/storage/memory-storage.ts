/** Storage in memory, with the same semantics: for tests of everything above it. */
import { ApiError, expired } from "../api/api-status.js";
import type { KubeObject } from "../api/resource.js";
import type {
  ListRequest,
  Storage,
  StorageBatch,
  StorageEvent,
  StorageWatch,
  Stored,
  StoredList,
} from "./storage.js";

export class MemoryStorage implements Storage {
  readonly #objects = new Map<string, Stored>();
  readonly #log: StorageEvent[] = [];
  readonly #wake = new Set<() => void>();
  #version = 1;
  #compacted = 0;

  async get(key: string): Promise<Stored | undefined> {
    return this.#objects.get(key);
  }

  async list(
    prefix: string,
    { after = "", limit, version = 0 }: ListRequest = {},
  ): Promise<StoredList> {
    const objects = version === 0 ? this.#objects : this.#objectsAt(version);
    const keys = [...objects.keys()]
      .filter((key) => key.startsWith(prefix) && key > after)
      .toSorted();
    const chosen = limit === undefined ? keys : keys.slice(0, limit);
    const items = chosen.flatMap((key) => objects.get(key) ?? []);
    return {
      items,
      version: version || this.#version,
      more: chosen.length < keys.length,
      remaining: keys.length - chosen.length,
    };
  }

  async create(key: string, object: KubeObject): Promise<number | undefined> {
    if (this.#objects.has(key)) return undefined;
    return this.#put(key, object);
  }

  async update(key: string, object: KubeObject, expected: number): Promise<number | undefined> {
    if (this.#objects.get(key)?.version !== expected) return undefined;
    return this.#put(key, object);
  }

  async delete(key: string, expected: number): Promise<number | undefined> {
    if (this.#objects.get(key)?.version !== expected) return undefined;
    this.#objects.delete(key);
    return this.#record({ type: "delete", key, version: ++this.#version });
  }

  watch(prefix: string, version: number, signal: AbortSignal): StorageWatch {
    const batches = this.#watch(prefix, version, signal);
    // Every batch says how far the whole storage has come: nobody need ask.
    return { [Symbol.asyncIterator]: () => batches, requestProgress: () => {} };
  }

  async *#watch(
    prefix: string,
    version: number,
    signal: AbortSignal,
  ): AsyncGenerator<StorageBatch> {
    if (version < this.#compacted) throw tooOld();
    let at = this.#log.findIndex((event) => event.version > version);
    if (at < 0) at = this.#log.length;
    while (!signal.aborted) {
      const news = this.#log.slice(at);
      at += news.length;
      const events = news.filter(({ key }) => key.startsWith(prefix));
      if (news.length > 0) yield { version: news.at(-1)?.version ?? version, events };
      else await this.#next(signal);
    }
  }

  /** Forgets how things were before `version`, as a store's compaction does. */
  compact(version: number = this.#version): void {
    this.#compacted = version;
  }

  /** Every event is kept: this storage lives as long as a test. */
  #objectsAt(version: number): Map<string, Stored> {
    if (version < this.#compacted) throw tooOld();
    if (version > this.#version)
      throw new ApiError("Timeout", `Too large resource version: ${version}`);
    const objects = new Map<string, Stored>();
    for (const event of this.#log) {
      if (event.version > version) break;
      const { key } = event;
      if (event.type === "put") objects.set(key, { object: event.object, version: event.version });
      else objects.delete(key);
    }
    return objects;
  }

  #put(key: string, object: KubeObject): number {
    const stored = { object: structuredClone(object), version: ++this.#version };
    this.#objects.set(key, stored);
    return this.#record({ type: "put", key, ...stored });
  }

  #record(event: StorageEvent): number {
    this.#log.push(event);
    for (const wake of this.#wake) wake();
    return event.version;
  }

  #next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#wake.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#wake.add(wake);
      signal.addEventListener("abort", wake);
    });
  }
}

function tooOld(): ApiError {
  return expired("The resourceVersion for the provided list is too old.");
}
