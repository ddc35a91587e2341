/**
 * How much of requests that have not come whole may be held, of one connection and of all together.
 * Windows do not bound it: a message may be larger than a window, so that what came of it is given
 * back before all of it is there. Without this a client could begin thousands of large messages and
 * end none.
 */
import { RpcError, StatusCode } from "../status.js";

export class ReceiveBudget {
  readonly #bytesMax: number;
  readonly #parent: ReceiveBudget | undefined;
  #bytes = 0;

  /** What is taken of this is taken of `parent` as well. */
  constructor(bytesMax: number, parent?: ReceiveBudget) {
    this.#bytesMax = bytesMax;
    this.#parent = parent;
  }

  get heldBytes(): number {
    return this.#bytes;
  }

  /** Takes `bytes`, or gives them back where negative. Throws `RpcError` where there are fewer. */
  take(bytes: number): void {
    if (this.#bytes + bytes > this.#bytesMax) {
      throw new RpcError(
        StatusCode.resourceExhausted,
        `Cannot receive the request: ${this.#bytes} bytes of unfinished ones are held, expected at most ${this.#bytesMax}`,
      );
    }
    this.#parent?.take(bytes);
    this.#bytes += bytes;
  }
}
