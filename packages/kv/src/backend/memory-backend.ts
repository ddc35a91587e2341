/** The backend in memory, for tests of what stands above it. */
import { compareText } from "@sagong/base";
import type { Backend } from "../mvcc/backend.js";
import { fromBinaryString, toBinaryString } from "../mvcc/binary-string.js";

export class MemoryBackend implements Backend {
  readonly #values = new Map<string, Uint8Array>();

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#values.get(toBinaryString(key));
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#values.set(toBinaryString(key), value);
  }

  delete(key: Uint8Array): void {
    this.#values.delete(toBinaryString(key));
  }

  commit(): void {}

  /** In order of keys, as a database would give them. */
  pairs(): (readonly [Uint8Array, Uint8Array])[] {
    return [...this.#values]
      .toSorted(([a], [b]) => compareText(a, b))
      .map(([key, value]) => [fromBinaryString(key), value] as const);
  }
}
