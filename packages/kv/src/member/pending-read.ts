/** A linearizable read: answered in the moment in which the local state may be read. */
import { Deferred } from "@sagong/base";
import type { Reader } from "./linearizable-reads.js";

export class PendingRead<T> extends Deferred<T> implements Reader {
  readonly #read: () => T | Promise<T>;

  /** `read` may throw, or reject. */
  constructor(read: () => T | Promise<T>) {
    super();
    this.#read = read;
  }

  readable(): void {
    try {
      const answer = this.#read();
      if (!(answer instanceof Promise)) return this.resolve(answer);
      answer.then(
        (value) => this.resolve(value),
        (error: unknown) => this.reject(error),
      );
    } catch (error) {
      this.reject(error);
    }
  }

  refused(error: unknown): void {
    this.reject(error);
  }
}
