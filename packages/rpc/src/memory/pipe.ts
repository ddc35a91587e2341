/** A bounded queue between one writer and one reader: `push` waits while it is full. */
export class Pipe<T> implements AsyncIterable<T> {
  readonly #limit: number;
  readonly #items: T[] = [];
  #ended = false;
  #error: unknown;
  #failed = false;
  #readable: (() => void) | undefined;
  #writable: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  async push(item: T): Promise<void> {
    while (this.#items.length >= this.#limit && !this.#failed) {
      await new Promise<void>((resolve) => this.#writable.push(resolve));
    }
    if (this.#failed) throw this.#error;
    this.#items.push(item);
    this.#wakeReader();
  }

  /** No more items; those that wait are still read. */
  end(): void {
    this.#ended = true;
    this.#wakeReader();
  }

  /** Writer and reader get `error` from now on. */
  fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#error = error;
    this.#wakeReader();
    this.#wakeWriters();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      if (this.#failed) throw this.#error;
      const item = this.#items.shift();
      if (item !== undefined) {
        this.#wakeWriters();
        yield item;
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#readable = resolve;
        });
      }
    }
  }

  #wakeReader(): void {
    this.#readable?.();
    this.#readable = undefined;
  }

  #wakeWriters(): void {
    const waiting = this.#writable;
    this.#writable = [];
    for (const wake of waiting) wake();
  }
}
