/**
 * Things by a number that counts up, taken out nearly in the order in which they came: a queue of
 * slots instead of a map, which costs more than all else that a proposal does here.
 *
 * Invariant: the slot of `id` is `id - #firstId`; slots before `#head` are empty.
 */

/** Empty slots in front before they are cut off. */
const EMPTY_SLOTS_MAX = 4_096;

export class SequenceTable<T> {
  #slots: (T | undefined)[] = [];
  #firstId: number;
  #head = 0;
  #size = 0;

  constructor(firstId: number) {
    this.#firstId = firstId;
  }

  get size(): number {
    return this.#size;
  }

  /** What the next one added is numbered. */
  get nextId(): number {
    return this.#firstId + this.#slots.length;
  }

  /** Nothing below it is left; `nextId` where nothing is left at all. */
  get oldestId(): number {
    return this.#firstId + this.#head;
  }

  add(item: T): void {
    this.#slots.push(item);
    this.#size++;
  }

  get(id: number): T | undefined {
    return this.#slots[id - this.#firstId];
  }

  /** Removes and returns it; undefined where it is gone, or never was. */
  take(id: number): T | undefined {
    const slot = id - this.#firstId;
    const item = this.#slots[slot];
    if (item === undefined) return undefined;
    this.#slots[slot] = undefined;
    this.#size--;
    if (slot === this.#head) this.#advance();
    return item;
  }

  #advance(): void {
    while (this.#head < this.#slots.length && this.#slots[this.#head] === undefined) this.#head++;
    if (this.#head < EMPTY_SLOTS_MAX && this.#head < this.#slots.length) return;
    if (this.#head * 2 < this.#slots.length) return;
    this.#slots = this.#slots.slice(this.#head);
    this.#firstId += this.#head;
    this.#head = 0;
  }
}
