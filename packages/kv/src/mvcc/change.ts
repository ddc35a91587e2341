import { KeyValue } from "../gen/kv.js";
import type { Event } from "../gen/kv.js";

/** One change, as watchers get it. */
export interface Change {
  readonly key: string;
  /** `EventType`. */
  readonly type: number;
  /** The transaction's. */
  readonly revision: number;
  /** The pair's wire form, as the database has it. */
  readonly bytes: Uint8Array;
  readonly event: Event;
}

/** A change as it was written: watchers are sent its bytes, and only tests look into them. */
export class StoredChange implements Change {
  readonly key: string;
  readonly type: number;
  readonly revision: number;
  readonly bytes: Uint8Array;

  constructor(
    key: string,
    { type, revision }: { readonly type: number; readonly revision: number },
    bytes: Uint8Array,
  ) {
    this.key = key;
    this.type = type;
    this.revision = revision;
    this.bytes = bytes;
  }

  get event(): Event {
    return { type: this.type, kv: KeyValue.decode(this.bytes), prevKv: undefined };
  }
}
