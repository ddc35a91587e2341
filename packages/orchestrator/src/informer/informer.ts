/**
 * A live copy of some objects: reads them all, then follows their changes, and begins anew where
 * the server has forgotten what was missed. Handlers learn of changes as levels, not as a history.
 *
 *   reading ──initial-events-end──▶ following ──410 Expired──▶ reading
 *        ▲───────────── any other end: again from where it was ─────┘
 */
import { type Clock, delay, errorText, type Logger, TaskGroup } from "@sagong/base";
import { isApiError } from "../api/api-status.js";
import {
  type KubeObject,
  keyOf,
  keyText,
  type Resource,
  type WatchEvent,
} from "../api/resource.js";
import { INITIAL_EVENTS_END, type ObjectClient } from "../client/object-client.js";

export interface InformerOptions<T extends KubeObject> {
  readonly resource: Resource<T>;
  readonly fieldSelector?: string;
}

export interface InformerDependencies {
  readonly client: ObjectClient;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * `now` undefined: deleted; `before` undefined: new. The two are always one object: where another
 * has taken its name, the old one is told of as deleted before the new one as new.
 */
export type InformerHandler<T> = (now: T | undefined, before: T | undefined) => void;

const RETRY_FIRST_MS = 200;
const RETRY_MAX_MS = 10_000;

export class Informer<T extends KubeObject> {
  readonly #options: InformerOptions<T>;
  readonly #dependencies: InformerDependencies;
  readonly #handlers = new Set<InformerHandler<T>>();
  readonly #tasks: TaskGroup;
  readonly #closing = new AbortController();
  readonly #synced: Promise<void>;
  #resolveSynced: () => void = () => {};
  #objects = new Map<string, T>();
  #version: string | undefined;
  #hasSynced = false;
  #retryMs = RETRY_FIRST_MS;

  constructor(options: InformerOptions<T>, dependencies: InformerDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#synced = new Promise((resolve) => {
      this.#resolveSynced = resolve;
    });
    this.#tasks = new TaskGroup((error) =>
      dependencies.logger.error("informer broke", {
        resource: options.resource.resource,
        error: errorText(error),
      }),
    );
  }

  start(): this {
    this.#tasks.run("follow", () => this.#run());
    return this;
  }

  /** Resolves when a first complete set is there; handlers are called from then on. */
  synced(): Promise<void> {
    return this.#synced;
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Of the last change or bookmark that it was told of: what is older than it is in the copy. */
  get version(): string | undefined {
    return this.#version;
  }

  onChange(handler: InformerHandler<T>): void {
    this.#handlers.add(handler);
    for (const object of this.#objects.values()) handler(object, undefined);
  }

  list(): T[] {
    return [...this.#objects.values()];
  }

  /** `namespace/name`, or `name`. */
  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("closed"));
    await this.#tasks.settled();
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#dependencies;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await (this.#version === undefined ? this.#read() : this.#follow(this.#version));
        this.#retryMs = RETRY_FIRST_MS;
      } catch (error) {
        if (signal.aborted) return;
        if (isApiError(error, "Expired", "Gone")) this.#version = undefined;
        else {
          const { resource } = this.#options.resource;
          logger.warn("watch is being retried", { resource, error: errorText(error) });
        }
      }
      await delay(clock, this.#retryMs, signal).catch(() => {});
      this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MAX_MS);
    }
  }

  /** A watch that begins with everything there is. */
  async #read(): Promise<void> {
    const fresh = new Map<string, T>();
    let complete = false;
    const events = this.#watch({ sendInitialEvents: true });
    for await (const event of events) {
      if (complete) this.#take(event);
      else if (event.type !== "BOOKMARK") fresh.set(keyText(keyOf(event.object)), event.object);
      else if (event.object.metadata.annotations?.[INITIAL_EVENTS_END] === "true") {
        complete = true;
        this.#version = event.object.metadata.resourceVersion;
        this.#replace(fresh);
      }
    }
  }

  async #follow(version: string): Promise<void> {
    for await (const event of this.#watch({ resourceVersion: version })) this.#take(event);
  }

  #watch(from: {
    readonly sendInitialEvents?: true;
    readonly resourceVersion?: string;
  }): AsyncIterable<WatchEvent<T>> {
    const { resource, fieldSelector } = this.#options;
    return this.#dependencies.client.watch(resource, {
      ...from,
      fieldSelector,
      allowWatchBookmarks: true,
      signal: this.#closing.signal,
    });
  }

  #take(event: WatchEvent<T>): void {
    this.#retryMs = RETRY_FIRST_MS; // It answers: what went wrong before counts no longer.
    this.#version = event.object.metadata.resourceVersion ?? this.#version;
    if (event.type === "BOOKMARK") return;
    const key = keyText(keyOf(event.object));
    const before = this.#objects.get(key);
    if (event.type === "DELETED") {
      this.#objects.delete(key);
      this.#tell(undefined, before ?? event.object);
    } else {
      this.#objects.set(key, event.object);
      this.#change(event.object, before);
    }
  }

  #replace(fresh: Map<string, T>): void {
    const old = this.#objects;
    this.#objects = fresh;
    this.#retryMs = RETRY_FIRST_MS;
    for (const [key, before] of old) if (!fresh.has(key)) this.#tell(undefined, before);
    for (const [key, object] of fresh) this.#change(object, old.get(key));
    this.#hasSynced = true;
    this.#resolveSynced();
  }

  #change(now: T, before: T | undefined): void {
    const same = before?.metadata.uid === now.metadata.uid;
    if (before && !same) this.#tell(undefined, before);
    this.#tell(now, same ? before : undefined);
  }

  /** In the order in which they came; one that throws does not keep the others from knowing. */
  #tell(now: T | undefined, before: T | undefined): void {
    for (const handler of this.#handlers) {
      try {
        handler(now, before);
      } catch (error) {
        const { resource } = this.#options.resource;
        this.#dependencies.logger.error("informer handler threw", {
          resource,
          error: errorText(error),
        });
      }
    }
  }
}
