import { KeyValue } from "../gen/kv.js";
import type { Event } from "../gen/kv.js";

/** One change, as watchers get it. */
export interface Change {
  readonly key: string;
  readonly event: Event;
}

/** A change just written: most have no watcher, so its event is made when one asks. */
export class StoredChange implements Change {
  readonly key: string;
  readonly #type: number;
  readonly #bytes: Uint8Array;
  #event: Event | undefined;

  constructor(key: string, type: number, bytes: Uint8Array) {
    this.key = key;
    this.#type = type;
    this.#bytes = bytes;
  }

  get event(): Event {
    this.#event ??= { type: this.#type, kv: KeyValue.decode(this.#bytes), prevKv: undefined };
    return this.#event;
  }
}
