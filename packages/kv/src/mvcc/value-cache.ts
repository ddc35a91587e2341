/** The values read or written last, by revision, within a budget of bytes: first in, first out. */
import type { KeyValue } from "../gen/kv.js";

const BUDGET_BYTES = 64 * 1024 * 1024;
/** What an entry costs besides its key and value, roughly. */
const OVERHEAD_BYTES = 200;
/** Revisions of one transaction above this sub are not cached: one number is the key. */
const SUBS = 1024;

export class ValueCache {
  readonly #entries = new Map<number, KeyValue>();
  #bytes = 0;

  get(main: number, sub: number): KeyValue | undefined {
    return sub < SUBS ? this.#entries.get(main * SUBS + sub) : undefined;
  }

  set(main: number, sub: number, value: KeyValue): void {
    // Beyond 2^43 the combined number would not be exact.
    if (sub >= SUBS || main >= 2 ** 43) return;
    this.#entries.set(main * SUBS + sub, value);
    this.#bytes += costOf(value);
    while (this.#bytes > BUDGET_BYTES) {
      const oldest = this.#entries.entries().next().value;
      if (!oldest) return;
      this.#remove(oldest[0], oldest[1]);
    }
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }

  delete(main: number, sub: number): void {
    const key = main * SUBS + sub;
    const value = sub < SUBS ? this.#entries.get(key) : undefined;
    if (value) this.#remove(key, value);
  }

  #remove(key: number, value: KeyValue): void {
    this.#entries.delete(key);
    this.#bytes -= costOf(value);
  }
}

function costOf({ key, value }: KeyValue): number {
  return OVERHEAD_BYTES + key.length + value.length;
}
