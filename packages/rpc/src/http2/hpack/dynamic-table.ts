/**
 * HPACK's dynamic table (RFC 7541 §2.3.2, §4): the newest field first, the oldest leave when the
 * size would exceed the maximum.
 *
 * Invariant: `bytes` is the sum of the entries' sizes, and `bytes <= bytesMax`.
 */
import { fieldBytes, type HeaderField } from "./header-field.js";

/** Slots of entries that have left, before the array is moved up. */
const GONE_MAX = 256;

export class DynamicTable {
  #entries: HeaderField[] = [];
  /** Where the oldest entry lies in `#entries`. */
  #first = 0;
  /** How many entries left the array's front for good. */
  #dropped = 0;
  #bytes = 0;
  #bytesMax: number;
  readonly #onEvict: ((field: HeaderField, sequence: number) => void) | undefined;

  /** `onEvict` gets each field that leaves, with the sequence number that `add` gave it. */
  constructor(bytesMax: number, onEvict?: (field: HeaderField, sequence: number) => void) {
    this.#bytesMax = bytesMax;
    this.#onEvict = onEvict;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get bytesMax(): number {
    return this.#bytesMax;
  }

  get length(): number {
    return this.#entries.length - this.#first;
  }

  /** The entry at `index`, 0 being the newest; undefined beyond the oldest. */
  at(index: number): HeaderField | undefined {
    return index < this.length ? this.#entries[this.#entries.length - 1 - index] : undefined;
  }

  /** The present index of the entry that `add` numbered `sequence`. */
  indexOf(sequence: number): number {
    return this.#dropped + this.#entries.length - 1 - sequence;
  }

  /**
   * Returns the entry's number, or undefined where it is larger than the whole table: that is no
   * error, and leaves the table empty (§4.4).
   */
  add(field: HeaderField): number | undefined {
    const bytes = fieldBytes(field);
    this.#evictTo(this.#bytesMax - bytes);
    if (bytes > this.#bytesMax) return undefined;
    this.#entries.push(field);
    this.#bytes += bytes;
    return this.#dropped + this.#entries.length - 1;
  }

  /** A new maximum (§4.3); entries beyond it leave. */
  resize(bytesMax: number): void {
    this.#bytesMax = bytesMax;
    this.#evictTo(bytesMax);
  }

  #evictTo(bytes: number): void {
    while (this.#bytes > Math.max(0, bytes)) {
      const field = this.#entries[this.#first];
      if (field === undefined) break; // The sum of no entries is 0: see the invariant.
      this.#bytes -= fieldBytes(field);
      this.#onEvict?.(field, this.#dropped + this.#first);
      this.#first++;
    }
    if (this.#first < GONE_MAX && this.#first < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#first);
    this.#dropped += this.#first;
    this.#first = 0;
  }
}
