/**
 * Writes on their way to the database, in order. Reads hardly ever look here, since the store caches
 * what it has just written; so the index by key is made when the first read comes, and not before.
 */
import { toBinaryString } from "../mvcc/binary-string.js";

export interface Write {
  readonly key: Uint8Array;
  /** Undefined: delete. */
  readonly value: Uint8Array | undefined;
}

export class PendingBatch {
  readonly #writes: Write[] = [];
  readonly #index = new Map<string, Write>();
  #indexed = 0;
  /** Of keys and values. */
  bytes = 0;

  get size(): number {
    return this.#writes.length;
  }

  add(key: Uint8Array, value: Uint8Array | undefined): void {
    this.#writes.push({ key, value });
    this.bytes += key.length + (value?.length ?? 0);
  }

  /** Puts another batch behind this one, and empties it. */
  take(other: PendingBatch): void {
    for (const write of other.#writes) this.#writes.push(write);
    this.bytes += other.bytes;
    other.clear();
  }

  /** The last write of that key. */
  find(name: string): Write | undefined {
    for (; this.#indexed < this.#writes.length; this.#indexed++) {
      const write = this.#writes[this.#indexed] as Write; // In range by the loop.
      this.#index.set(toBinaryString(write.key), write);
    }
    return this.#index.get(name);
  }

  [Symbol.iterator](): Iterator<Write> {
    return this.#writes[Symbol.iterator]();
  }

  clear(): void {
    this.#writes.length = 0;
    this.#index.clear();
    this.#indexed = 0;
    this.bytes = 0;
  }
}
