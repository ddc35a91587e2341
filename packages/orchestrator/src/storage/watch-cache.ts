/**
 * One resource's objects in memory, kept current by one watch of the store: all watches of clients,
 * and lists that may be a little old, are served from here. Keeps the last changes, so that a
 * client that comes back goes on where it was.
 *
 * C1 `version` is that of the last batch taken in; every change at or before it is in `#objects`.
 * C2 a watcher gets each change after its start once, in order; one that is too slow is cut off.
 */
import { setMaxListeners } from "node:events";
import { type Clock, delay, errorText, type Logger } from "@sagong/base";
import { ApiError, expired, isApiError, versionTooLarge } from "../api/api-status.js";
import type { KubeObject } from "../api/resource.js";
import type { Storage, StorageWatch, Stored } from "./storage.js";

/** One change with what was there before it, so that selectors can tell coming from going. */
export interface CacheChange {
  readonly version: number;
  readonly before: KubeObject | undefined;
  /** As it is now; for a deletion as it was, with the deletion's version. */
  readonly object: KubeObject;
  readonly deleted: boolean;
}

export interface CacheWatch {
  /** Objects as they stood at the start, where that was asked for. */
  readonly initial: readonly KubeObject[];
  readonly version: number;
  /** What has come since it was last asked; waits for more where there is nothing. */
  next(): Promise<{ readonly changes: readonly CacheChange[]; readonly version: number }>;
  /** Makes `next()` answer now, with nothing where nothing has come. */
  wake(): void;
  stop(): void;
}

/** Ends a watch that its reader can simply begin again where it was. */
export class WatchStoppedError extends Error {
  override readonly name: string = "WatchStoppedError";
}

/** Changes kept for those who come back. */
const WINDOW_CHANGES = 4_096;
/** Changes that wait for one watcher; beyond it the watch ends, and the client starts anew. */
const MAX_PENDING = 10_000;
const RETRY_MS = 500;
const SHUTTING_DOWN = "the server is shutting down";
/** How long a request waits for the first read of the store. */
const READY_LIMIT_MS = 10_000;
/** How often one who waits for a version asks the store how far it has come. */
const REACH_POLL_MS = 20;

interface Watcher {
  pending: CacheChange[];
  wake: (() => void) | undefined;
  isWoken: boolean;
  stopped: Error | undefined;
}

export interface WatchCacheDependencies {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class WatchCache {
  readonly #prefix: string;
  readonly #dependencies: WatchCacheDependencies;
  readonly #objects = new Map<string, Stored>();
  readonly #watchers = new Set<Watcher>();
  /** Of those who wait in `reach`. */
  readonly #waiters = new Set<() => void>();
  #window: CacheChange[] = [];
  /** Changes at or before it may have left the window. */
  #windowStart = 0;
  #version = 0;
  #watch: StorageWatch | undefined;
  #ready: Promise<void>;
  #isReady = false;
  #resolveReady: () => void = () => {};
  readonly #closing = new AbortController();
  readonly #done: Promise<void>;

  constructor(prefix: string, dependencies: WatchCacheDependencies) {
    this.#prefix = prefix;
    this.#dependencies = dependencies;
    // Every request that waits for the first read listens for the end.
    setMaxListeners(0, this.#closing.signal);
    this.#ready = new Promise((resolve) => {
      this.#resolveReady = resolve;
    });
    this.#done = this.#run();
  }

  get version(): number {
    return this.#version;
  }

  /** Objects in order of keys. Waits for the first read of the store. */
  async list(): Promise<{ readonly items: readonly Stored[]; readonly version: number }> {
    await this.#awaitReady();
    const keys = [...this.#objects.keys()].toSorted();
    return { items: keys.flatMap((key) => this.#objects.get(key) ?? []), version: this.#version };
  }

  /** Waits until the cache has come to `version`. Rejects with `ApiError` Timeout. */
  async reach(version: number, limitMs: number): Promise<void> {
    await this.#awaitReady();
    const { clock } = this.#dependencies;
    const untilMs = clock.monotonicMs() + limitMs;
    while (this.#version < version) {
      if (clock.monotonicMs() > untilMs) throw versionTooLarge(version, this.#version);
      if (this.#closing.signal.aborted) throw new ApiError("ServiceUnavailable", SHUTTING_DOWN);
      // The store tells of changes under our prefix only; that it has come further we must ask.
      this.#watch?.requestProgress();
      await this.#progress(REACH_POLL_MS);
    }
  }

  /** Resolves when the cache has come further, or the time is over. */
  #progress(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        this.#waiters.delete(done);
        resolve();
      };
      const timer = this.#dependencies.clock.schedule(limitMs, done);
      this.#waiters.add(done);
    });
  }

  #advance(version: number): void {
    if (version <= this.#version) return;
    this.#version = version;
    for (const wake of this.#waiters) wake();
  }

  /** From `version` on; undefined: from what is there now, with that as `initial`. */
  async watch(version: number | undefined): Promise<CacheWatch> {
    await this.#awaitReady();
    if (version === undefined) {
      const keys = [...this.#objects.keys()].toSorted();
      const initial = keys.flatMap((key) => this.#objects.get(key)?.object ?? []);
      return this.#watcher({ initial, pending: [] });
    }
    if (version < this.#windowStart)
      throw expired(`too old resource version: ${version} (${this.#windowStart})`);
    const pending = this.#window.filter((change) => change.version > version);
    return this.#watcher({ initial: [], pending });
  }

  /** What changes from now on, and nothing of what is there. */
  async watchFromNow(): Promise<CacheWatch> {
    await this.#awaitReady();
    return this.#watcher({ initial: [], pending: [] });
  }

  #watcher(from: { initial: readonly KubeObject[]; pending: CacheChange[] }): CacheWatch {
    const { initial, pending } = from;
    const watcher: Watcher = { pending, wake: undefined, isWoken: false, stopped: undefined };
    if (this.#closing.signal.aborted) watcher.stopped = new WatchStoppedError(SHUTTING_DOWN);
    else this.#watchers.add(watcher);
    return {
      initial,
      version: this.#version,
      next: () => this.#next(watcher),
      wake: () => {
        // The answer says how far the cache has come: it should be news, at the latest next time.
        this.#watch?.requestProgress();
        watcher.isWoken = true;
        watcher.wake?.();
      },
      stop: () => this.#stop(watcher, new WatchStoppedError("stopped")),
    };
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("closed"));
    for (const watcher of this.#watchers) this.#stop(watcher, new WatchStoppedError(SHUTTING_DOWN));
    for (const wake of this.#waiters) wake();
    await this.#done;
  }

  async #awaitReady(): Promise<void> {
    if (this.#isReady) return;
    const { signal } = this.#closing;
    const waiting = new AbortController();
    const stop = (): void => waiting.abort(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
    const limit = delay(this.#dependencies.clock, READY_LIMIT_MS, waiting.signal).catch(() => {});
    try {
      await Promise.race([this.#ready, limit]);
    } finally {
      waiting.abort(new Error("ready"));
      signal.removeEventListener("abort", stop);
    }
    if (signal.aborted) throw new ApiError("ServiceUnavailable", SHUTTING_DOWN);
    if (this.#isReady) return;
    throw new ApiError("ServiceUnavailable", "the cache has not been filled from the store yet");
  }

  async #next(watcher: Watcher): Promise<{ changes: readonly CacheChange[]; version: number }> {
    if (watcher.pending.length === 0 && !watcher.stopped && !watcher.isWoken) {
      await new Promise<void>((resolve) => {
        watcher.wake = resolve;
      });
    }
    if (watcher.pending.length === 0 && watcher.stopped) throw watcher.stopped;
    const changes = watcher.pending;
    watcher.pending = [];
    watcher.isWoken = false;
    return { changes, version: this.#version };
  }

  #stop(watcher: Watcher, why: Error): void {
    watcher.stopped ??= why;
    this.#watchers.delete(watcher);
    watcher.wake?.();
  }

  /** Never rejects: whatever ends a read or watch of the store is answered by another. */
  async #run(): Promise<void> {
    const { clock, logger } = this.#dependencies;
    const { signal } = this.#closing;
    let known = false;
    while (!signal.aborted) {
      try {
        if (!known) await this.#read();
        known = true;
        this.#watch = this.#dependencies.storage.watch(this.#prefix, this.#version, signal);
        for await (const { events, version } of this.#watch) {
          for (const event of events) {
            if (event.type === "put")
              this.#put(event.key, { object: event.object, version: event.version });
            else this.#delete(event.key, event.version);
          }
          this.#advance(version);
        }
      } catch (error) {
        if (signal.aborted) return;
        if (isApiError(error, "Expired")) known = false;
        logger.warn("watch of the store is being retried", {
          prefix: this.#prefix,
          error: errorText(error),
        });
      }
      await delay(clock, RETRY_MS, signal).catch(() => {});
    }
  }

  /** Takes in a whole list: the first time, or after the store forgot what we had not seen. */
  async #read(): Promise<void> {
    const { items, version } = await this.#dependencies.storage.list(this.#prefix);
    if (this.#isReady) {
      // Watchers cannot be told what was missed: they start anew.
      for (const watcher of this.#watchers)
        this.#stop(watcher, expired("too old resource version"));
    }
    this.#objects.clear();
    for (const item of items) this.#objects.set(this.#keyOf(item.object), versioned(item));
    this.#advance(version);
    this.#window = [];
    this.#windowStart = version;
    this.#isReady = true;
    this.#resolveReady();
  }

  #keyOf({ metadata }: KubeObject): string {
    return `${this.#prefix}${metadata.namespace === undefined ? "" : `${metadata.namespace}/`}${metadata.name}`;
  }

  #put(key: string, stored: Stored): void {
    const before = this.#objects.get(key)?.object;
    const now = versioned(stored);
    this.#objects.set(key, now);
    this.#record({ version: stored.version, before, object: now.object, deleted: false });
  }

  #delete(key: string, version: number): void {
    const before = this.#objects.get(key)?.object;
    if (!before) return;
    this.#objects.delete(key);
    const { object } = versioned({ object: before, version });
    this.#record({ version, before, object, deleted: true });
  }

  #record(change: CacheChange): void {
    this.#window.push(change);
    if (this.#window.length > WINDOW_CHANGES * 2) {
      this.#windowStart = this.#window.at(-WINDOW_CHANGES - 1)?.version ?? this.#windowStart;
      this.#window = this.#window.slice(-WINDOW_CHANGES);
    }
    for (const watcher of this.#watchers) {
      watcher.pending.push(change);
      if (watcher.pending.length > MAX_PENDING)
        this.#stop(watcher, new WatchStoppedError("the watcher is too slow"));
      else watcher.wake?.();
    }
  }
}

/** The object with its version in its metadata, where clients look for it. */
export function versioned({ object, version }: Stored): Stored {
  return {
    version,
    object: { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } },
  };
}
