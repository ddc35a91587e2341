/** First in, first out, at a cost that does not grow: `Array.shift` moves all that is left of it. */

/** Slots of items that have left, before the array is moved up; fewer than half of it never are. */
const GONE_MIN = 256;

export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #first = 0;

  get length(): number {
    return this.#items.length - this.#first;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Undefined where there is none. */
  shift(): T | undefined {
    if (this.#first === this.#items.length) return undefined;
    const item = this.#items[this.#first];
    this.#items[this.#first++] = undefined;
    if (this.#first === this.#items.length) this.clear();
    else if (this.#first >= GONE_MIN && this.#first > this.#items.length / 2) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return item;
  }

  clear(): void {
    this.#items.length = 0;
    this.#first = 0;
  }
}
