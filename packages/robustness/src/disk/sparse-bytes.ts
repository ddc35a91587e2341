/**
 * The bytes of a file, in pages: what was never written costs nothing, and a write costs what it
 * carries. What lies behind the last byte that was written is zero up to `length`.
 */
const PAGE_BYTES = 4_096;

export class SparseBytes {
  /** By number; a missing one is zero. */
  #pages: (Uint8Array | undefined)[] = [];
  /** Behind the last byte that was written. */
  #end = 0;
  length = 0;

  write(bytes: Uint8Array, position: number): void {
    const end = position + bytes.length;
    for (let at = position; at < end;) {
      const number = Math.floor(at / PAGE_BYTES);
      const from = at - number * PAGE_BYTES;
      const count = Math.min(PAGE_BYTES - from, end - at);
      const start = at - position;
      this.#page(number).set(
        count === bytes.length ? bytes : bytes.subarray(start, start + count),
        from,
      );
      at += count;
    }
    this.#end = Math.max(this.#end, end);
    this.length = Math.max(this.length, end);
  }

  zero(position: number, length: number): void {
    const end = position + length;
    this.#clear(position, Math.min(end, this.#end));
    this.length = Math.max(this.length, end);
  }

  truncate(length: number): void {
    if (length < this.#end) {
      this.#clear(length, this.#end);
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
    for (const [number, page] of this.#pages.entries()) {
      const at = number * PAGE_BYTES;
      if (page && at < this.#end) bytes.set(page.subarray(0, this.#end - at), at);
    }
    return bytes;
  }

  /** Fills `target` with what lies from `position` on; answers how much there is. */
  readInto(target: Uint8Array, position: number): number {
    const end = Math.min(position + target.length, this.length);
    for (let at = position; at < end;) {
      const number = Math.floor(at / PAGE_BYTES);
      const next = Math.min(end, (number + 1) * PAGE_BYTES);
      const page = this.#pages[number];
      const from = at - number * PAGE_BYTES;
      if (page) target.set(page.subarray(from, from + next - at), at - position);
      else target.fill(0, at - position, next - position);
      at = next;
    }
    return Math.max(0, end - position);
  }

  flipBit(bit: number): void {
    const at = bit >> 3;
    const page = this.#page(Math.floor(at / PAGE_BYTES));
    const within = at % PAGE_BYTES;
    page[within] = (page[within] ?? 0) ^ (1 << (bit & 7));
  }

  copy(): SparseBytes {
    const copy = new SparseBytes();
    copy.#pages = this.#pages.map((page) => page?.slice());
    copy.#end = this.#end;
    copy.length = this.length;
    return copy;
  }

  #clear(from: number, to: number): void {
    for (let at = from; at < to;) {
      const number = Math.floor(at / PAGE_BYTES);
      const next = Math.min(to, (number + 1) * PAGE_BYTES);
      this.#pages[number]?.fill(0, at - number * PAGE_BYTES, next - number * PAGE_BYTES);
      at = next;
    }
  }

  #page(number: number): Uint8Array {
    return (this.#pages[number] ??= new Uint8Array(PAGE_BYTES));
  }
}
