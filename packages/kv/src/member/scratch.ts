/**
 * Memory for messages of which only the last is needed. It grows with what is asked for, so that a
 * member that has little to do takes little.
 */
export class Scratch {
  readonly #bytesMax: number;
  #bytes: Uint8Array = new Uint8Array(0);

  /** More than `bytesMax` it never has. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** At least so much, to be used until the next time; undefined where that is more than it may have. */
  room(bytes: number): Uint8Array | undefined {
    if (bytes > this.#bytesMax) return undefined;
    if (bytes > this.#bytes.length) {
      this.#bytes = new Uint8Array(Math.min(2 * bytes, this.#bytesMax));
    }
    return this.#bytes;
  }
}
