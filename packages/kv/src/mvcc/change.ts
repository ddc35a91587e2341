import { EventType, KeyValue } from "../gen/kv.js";
import type { Event } from "../gen/kv.js";
import type { VersionPlace } from "./version-log.js";

/** One change, as watchers get it. */
export interface Change {
  readonly key: string;
  /** `EventType`. */
  readonly type: number;
  /** The transaction's. */
  readonly revision: number;
  /** The pair's wire form, as the database has it. */
  readonly bytes: Uint8Array;
  /** Of `bytes`, roughly: it is asked of every change, also where nobody asks for the bytes. */
  readonly byteLength: number;
  readonly event: Event;
}

/** A change as it was written: watchers are sent its bytes, and only tests look into them. */
export class StoredChange implements Change {
  readonly key: string;
  readonly type: number;
  readonly revision: number;
  readonly #place: VersionPlace;
  #bytes: Uint8Array | undefined;

  constructor(
    key: string,
    { type, revision }: { readonly type: number; readonly revision: number },
    place: VersionPlace,
  ) {
    this.key = key;
    this.type = type;
    this.revision = revision;
    this.#place = place;
  }

  /** Most changes have no watcher: the view is made when one asks. */
  get bytes(): Uint8Array {
    this.#bytes ??= this.#place.source.at(this.#place.position);
    return this.#bytes;
  }

  get byteLength(): number {
    const { source } = this.#place;
    return this.#bytes?.length ?? source.byteLength / source.count;
  }

  get event(): Event {
    return { type: this.type, kv: KeyValue.decode(this.bytes), prevKv: undefined };
  }
}

/** A delete's record has version 0. */
export function changeType(version: number): number {
  return version === 0 ? EventType.DELETE : EventType.PUT;
}
