/** A flow-control window that we grant (RFC 9113 §5.2, §6.9). */
export class ReceiveWindow {
  readonly #knownSize: number;
  #available: number;
  #consumed = 0;

  /** `knownSize` is smaller where the peer may, but need not, know by now that the window is. */
  constructor(size: number, knownSize: number = size) {
    this.#knownSize = knownSize;
    this.#available = size;
  }

  /** Data came. False where the peer sent more than it was granted. */
  take(bytes: number): boolean {
    this.#available -= bytes;
    return this.#available >= 0;
  }

  /**
   * Data was consumed. Returns the increment to send, or 0: small ones are saved up to half the
   * window, as RFC 9113 §6.9.1 advises.
   */
  consume(bytes: number): number {
    this.#consumed += bytes;
    if (this.#consumed < this.#knownSize / 2) return 0;
    const increment = this.#consumed;
    this.#consumed = 0;
    this.#available += increment;
    return increment;
  }
}
