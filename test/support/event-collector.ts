/** A watch from the first revision on, kept open whatever happens to its member. */
import { decodeUtf8, encodeUtf8, prefixEnd } from "@sagong/base";
import { EventType, type StoreClient } from "@sagong/kv/client";
import type { KvEvent } from "@sagong/robustness";
import { until } from "./until.js";

/** The first write of a store has revision 2. */
const FIRST_REVISION = 2;

export class EventCollector {
  readonly events: KvEvent[] = [];
  readonly #stopped = new AbortController();
  readonly #running: Promise<void>;
  #revision = 0;

  constructor(store: StoreClient, prefix: string) {
    this.#running = this.#run(store, encodeUtf8(prefix));
  }

  /** Resolves when everything up to `revision` has come. */
  async reach(revision: number, limitMs: number): Promise<void> {
    await until(`a watch reaches revision ${revision}`, limitMs, async () => {
      if (this.#revision < revision) throw new Error(`it is at ${this.#revision}`);
    });
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(store: StoreClient, key: Uint8Array): Promise<void> {
    const { signal } = this.#stopped;
    const rangeEnd = prefixEnd(key);
    const watch = store.watch({ key, rangeEnd, startRevision: FIRST_REVISION, signal });
    for await (const { revision, events } of watch) {
      for (const { type, kv } of events) {
        if (!kv) throw new Error("an event without a key");
        this.events.push({
          revision: kv.modRevision,
          key: decodeUtf8(kv.key),
          value: type === EventType.DELETE ? undefined : decodeUtf8(kv.value),
        });
      }
      this.#revision = revision;
    }
  }
}
