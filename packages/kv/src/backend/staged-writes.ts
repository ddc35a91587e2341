import { referenceIn } from "./block-reference.js";
import type { Write } from "./pending-batch.js";

/** What LevelDB needs for a pair besides its bytes, at most. */
const PAIR_OVERHEAD_BYTES = 128;

/** The last write of each key that the next batch of LevelDB will carry. */
export class StagedWrites {
  readonly #writes = new Map<string, Write>();
  /** Of keys and values. */
  bytes = 0;
  /** How many of them refer to a block file. */
  references = 0;

  get size(): number {
    return this.#writes.size;
  }

  /** What LevelDB's buffer grows by, at most. */
  get bufferBytes(): number {
    return this.bytes + PAIR_OVERHEAD_BYTES * this.size;
  }

  find(name: string): Write | undefined {
    return this.#writes.get(name);
  }

  set(name: string, write: Write): void {
    const before = this.#writes.get(name);
    if (before) this.#count(before, -1);
    this.#writes.set(name, write);
    this.#count(write, 1);
  }

  #count({ key, value }: Write, sign: 1 | -1): void {
    this.bytes += sign * (key.length + (value?.length ?? 0));
    if (referenceIn(key, value)) this.references += sign;
  }

  [Symbol.iterator](): Iterator<Write> {
    return this.#writes.values();
  }

  clear(): void {
    this.#writes.clear();
    this.bytes = 0;
    this.references = 0;
  }
}
