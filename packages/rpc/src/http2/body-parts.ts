/**
 * Content that waits to be read, in order, copied out of the chunks that it came in. Small parts
 * share an array: a window's worth of parts of one byte would otherwise cost two hundred times as
 * much as it holds.
 */

/** Parts below this are put together, in arrays of this size. */
const SHARED_BYTES = 4_096;

export class BodyParts {
  readonly #parts: Uint8Array[] = [];
  /** Where the last part goes on, and how much of it is taken; undefined where it is whole. */
  #tail: { readonly array: Uint8Array; length: number } | undefined;

  push(bytes: Uint8Array): void {
    if (bytes.length >= SHARED_BYTES) {
      this.#tail = undefined;
      this.#parts.push(new Uint8Array(bytes)); // Not slice(): that of a Buffer copies nothing.
      return;
    }
    const tail = this.#tail;
    if (tail === undefined || tail.length + bytes.length > SHARED_BYTES) {
      this.#parts.push(new Uint8Array(bytes));
      this.#tail = undefined;
      if (this.#parts.length > 1) this.#share(bytes);
      return;
    }
    tail.array.set(bytes, tail.length);
    tail.length += bytes.length;
    this.#parts[this.#parts.length - 1] = tail.array.subarray(0, tail.length);
  }

  /** The next part; undefined where none waits. */
  shift(): Uint8Array | undefined {
    const part = this.#parts.shift();
    if (this.#parts.length === 0) this.#tail = undefined;
    return part;
  }

  clear(): void {
    this.#parts.length = 0;
    this.#tail = undefined;
  }

  /** Makes room behind the last part: others wait before it, and more may come. */
  #share(bytes: Uint8Array): void {
    const array: Uint8Array = new Uint8Array(SHARED_BYTES);
    array.set(bytes);
    this.#tail = { array, length: bytes.length };
    this.#parts[this.#parts.length - 1] = array.subarray(0, bytes.length);
  }
}
