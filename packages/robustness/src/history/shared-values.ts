/**
 * Each long value once in memory, and decoded once: a thousand watchers tell of the same megabyte.
 */
import { decodeUtf8 } from "@sagong/base";
import type { KeyValue } from "@sagong/kv/client";

/** Shorter ones cost less than finding them again. */
const LONG_BYTES = 1_024;

interface KnownValue {
  readonly bytes: Uint8Array;
  readonly text: string;
}

export class SharedValues {
  /**
   * By the revision that they are said to be of, as many as a run has written, which its history
   * holds anyway. There is one for each, unless a store tells two things of one revision.
   */
  readonly #values = new Map<number, KnownValue[]>();

  /** What `value` says, the text that is held already where there is one. */
  textOf({ value, modRevision }: KeyValue): string {
    if (value.length < LONG_BYTES) return decodeUtf8(value);
    const ofRevision = this.#values.get(modRevision);
    const known = ofRevision?.find(({ bytes }) => Buffer.compare(bytes, value) === 0);
    if (known) return known.text;
    const text = decodeUtf8(value);
    if (ofRevision) ofRevision.push({ bytes: value, text });
    else this.#values.set(modRevision, [{ bytes: value, text }]);
    return text;
  }
}
