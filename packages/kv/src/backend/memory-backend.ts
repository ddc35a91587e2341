/** The backend in memory, for tests of what stands above it; also of what a crash would leave. */
import { compareText } from "@sagong/base";
import type { Backend, LateWriter } from "../mvcc/backend.js";
import { fromBinaryString, toBinaryString } from "../mvcc/binary-string.js";

/** Undefined: deleted. */
type Write = readonly [key: string, value: Uint8Array | undefined];
type Pair = readonly [Uint8Array, Uint8Array];

export class MemoryBackend implements Backend {
  readonly #values = new Map<string, Uint8Array>();
  readonly #disk = new Map<string, Uint8Array>();
  #open: Write[] = [];
  #committed: Write[] = [];
  #late: LateWriter | undefined;
  /** Commits wait for `write()`, as they wait for each other on the way to a real disk. */
  isGathering = false;

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#values.get(toBinaryString(key));
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#open.push(this.#set(toBinaryString(key), value));
  }

  delete(key: Uint8Array): void {
    this.#open.push(this.#set(toBinaryString(key), undefined));
  }

  #set(key: string, value: Uint8Array | undefined): Write {
    if (value === undefined) this.#values.delete(key);
    else this.#values.set(key, value);
    return [key, value];
  }

  commit(): void {
    this.#late?.onCommit();
    this.#committed.push(...this.#open);
    this.#open = [];
    if (!this.isGathering) this.write();
  }

  /** Writes what is committed, all together. */
  write(): void {
    this.#late?.onWrite((key, value) => {
      this.#committed.push(this.#set(toBinaryString(key), value));
    });
    for (const [key, value] of this.#committed) {
      if (value === undefined) this.#disk.delete(key);
      else this.#disk.set(key, value);
    }
    this.#committed = [];
  }

  join(writer: LateWriter): void {
    this.#late = writer;
  }

  /** Everything, in order of keys, as a database would give it. */
  pairs(): readonly Pair[] {
    this.commit();
    this.write();
    return this.written();
  }

  /** What a crash at this moment would leave. */
  written(): readonly Pair[] {
    return [...this.#disk]
      .toSorted(([a], [b]) => compareText(a, b))
      .map(([key, value]) => [fromBinaryString(key), value] as const);
  }
}
