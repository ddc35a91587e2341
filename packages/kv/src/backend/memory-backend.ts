/** The backend in memory, for tests of what stands above it. */
import { compareText } from "@sagong/base";
import type { Backend, LateWriter } from "../mvcc/backend.js";
import { fromBinaryString, toBinaryString } from "../mvcc/binary-string.js";

export class MemoryBackend implements Backend {
  readonly #values = new Map<string, Uint8Array>();
  #late: LateWriter | undefined;

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#values.get(toBinaryString(key));
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#values.set(toBinaryString(key), value);
  }

  delete(key: Uint8Array): void {
    this.#values.delete(toBinaryString(key));
  }

  /** At once what a database would write after a while. */
  commit(): void {
    this.#late?.onCommit();
    this.#late?.onWrite((key, value) => this.put(key, value));
  }

  join(writer: LateWriter): void {
    this.#late = writer;
  }

  /** In order of keys, as a database would give them. */
  pairs(): (readonly [Uint8Array, Uint8Array])[] {
    this.commit();
    return [...this.#values]
      .toSorted(([a], [b]) => compareText(a, b))
      .map(([key, value]) => [fromBinaryString(key), value] as const);
  }
}
