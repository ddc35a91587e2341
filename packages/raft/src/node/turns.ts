/**
 * When a pass of the node runs: right behind what is under way in this turn of the event loop, or in
 * the next turn. Asked for any number of times, it runs once.
 */
import type { RaftNodeDependencies } from "./raft-node-options.js";

export class Turns {
  readonly #dependencies: Pick<RaftNodeDependencies, "defer" | "afterCurrent">;
  readonly #pass: () => void;
  #isDeferred = false;
  #isNear = false;

  constructor(
    dependencies: Pick<RaftNodeDependencies, "defer" | "afterCurrent">,
    pass: () => void,
  ) {
    this.#dependencies = dependencies;
    this.#pass = pass;
  }

  /** In the next turn. What the node asks of itself comes by this: it never starves I/O. */
  next(): void {
    if (this.#isDeferred) return;
    this.#isDeferred = true;
    this.#dependencies.defer(() => {
      this.#isDeferred = false;
      this.#pass();
    });
  }

  /**
   * For what came from outside: a lone request does not wait for the loop to turn; many do, since
   * more of them will be in the batch then.
   */
  soon({ isMuch }: { readonly isMuch: boolean }): void {
    const { afterCurrent } = this.#dependencies;
    if (afterCurrent === undefined || isMuch) return this.next();
    if (this.#isNear) return;
    this.#isNear = true;
    afterCurrent(() => {
      this.#isNear = false;
      this.#pass();
    });
  }
}
