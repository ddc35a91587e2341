/**
 * The bytes of a file: zeros at the end cost nothing, and a write costs what it carries. What lies
 * behind the last byte that was written is zero up to `length`.
 */
export class SparseBytes {
  #buffer = new Uint8Array(0);
  /** Behind the last byte that was written. */
  #end = 0;
  length = 0;

  write(bytes: Uint8Array, position: number): void {
    const end = position + bytes.length;
    this.#reserve(end);
    this.#buffer.set(bytes, position);
    this.#end = Math.max(this.#end, end);
    this.length = Math.max(this.length, end);
  }

  zero(position: number, length: number): void {
    const end = position + length;
    if (position < this.#end) this.#buffer.fill(0, position, Math.min(end, this.#end));
    this.length = Math.max(this.length, end);
  }

  truncate(length: number): void {
    if (length < this.#end) {
      this.#buffer.fill(0, length, this.#end);
      this.#end = length;
    }
    this.length = length;
  }

  /** Where something other than zeros may end. */
  get end(): number {
    return this.#end;
  }

  /** A copy of everything. */
  read(): Uint8Array {
    const bytes = new Uint8Array(this.length);
    bytes.set(this.#buffer.subarray(0, this.#end));
    return bytes;
  }

  flipBit(bit: number): void {
    const at = bit >> 3;
    this.#buffer[at] = (this.#buffer[at] ?? 0) ^ (1 << (bit & 7));
  }

  copy(): SparseBytes {
    const copy = new SparseBytes();
    copy.#buffer = this.#buffer.slice(0, this.#end);
    copy.#end = this.#end;
    copy.length = this.length;
    return copy;
  }

  #reserve(end: number): void {
    if (end <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(end, 2 * this.#buffer.length, 1_024));
    grown.set(this.#buffer.subarray(0, this.#end));
    this.#buffer = grown;
  }
}
