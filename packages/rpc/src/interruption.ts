/**
 * Waits for one promise after another until it is told to stop. `Promise.race` with one promise
 * that lives as long as the call would do the same, and keep every value that it ever raced: a
 * stream of a day would hold a day's messages.
 */
export class Interruption {
  #isInterrupted = false;
  #reason: unknown;
  #interruptWait: ((reason: unknown) => void) | undefined;

  /** Ends the present wait and all later ones. No effect the second time. */
  interrupt(reason: unknown): void {
    if (this.#isInterrupted) return;
    this.#isInterrupted = true;
    this.#reason = reason;
    this.#interruptWait?.(reason);
  }

  /** The promise's own outcome, or a rejection with the reason. One wait at a time. */
  until<T>(promise: Promise<T>): Promise<T> {
    if (this.#isInterrupted) {
      promise.catch(() => {}); // Nobody asks any more.
      return Promise.reject(this.#reason);
    }
    return new Promise((resolve, reject) => {
      this.#interruptWait = reject;
      promise.then(resolve, reject);
    });
  }
}
