/** Each long value once in memory: a thousand watchers tell of the same megabyte. */
import type { KvPair } from "./history.js";

/** Shorter ones cost less than finding them again. */
const LONG_LENGTH = 1_024;

export class SharedValues {
  /** As many as a run has written, which its history holds anyway. */
  readonly #values = new Map<string, string>();

  /** The same pair, its value the one that is held already where there is one. */
  share(pair: KvPair): KvPair {
    const { value } = pair;
    if (value.length < LONG_LENGTH) return pair;
    const known = this.#values.get(value);
    if (known !== undefined) return { ...pair, value: known };
    this.#values.set(value, value);
    return pair;
  }
}
