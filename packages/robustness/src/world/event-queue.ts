/**
 * Events in order of time, then of scheduling: a binary heap, and beside it a list for those of the
 * present moment, which are most. What is cancelled stays until it is reached, or until the heap is
 * mostly that: timeouts are many, and hardly any falls due.
 */
import type { Timer } from "@sagong/base";

/** One event, and the timer by which it is cancelled: one object, since there are millions. */
export class QueuedEvent implements Timer {
  readonly atMs: number;
  readonly order: number;
  /** Undefined once it has run or was cancelled. */
  callback: (() => void) | undefined;
  readonly #queue: EventQueue;

  constructor(queue: EventQueue, atMs: number, order: number, callback: () => void) {
    this.#queue = queue;
    this.atMs = atMs;
    this.order = order;
    this.callback = callback;
  }

  cancel(): void {
    if (!this.callback) return;
    this.callback = undefined;
    this.#queue.cancelled();
  }
}

/** A heap smaller than this is not worth cleaning. */
const CLEAN_MIN = 256;

export class EventQueue {
  #heap: QueuedEvent[] = [];
  #present: QueuedEvent[] = [];
  /** Position of the first of the present that was not taken. */
  #head = 0;
  #order = 0;
  #cancelled = 0;

  /** Of the next event that was not cancelled; undefined where there is none. */
  peek(): QueuedEvent | undefined {
    while (this.#head < this.#present.length && !this.#present[this.#head]?.callback) this.#head++;
    while (this.#heap.length > 0 && !this.#heap[0]?.callback) {
      this.#pop();
      this.#cancelled--;
    }
    const present = this.#present[this.#head];
    const timed = this.#heap[0];
    if (present && timed) return isBefore(timed, present) ? timed : present;
    return present ?? timed;
  }

  /** Removes what `peek` has returned. */
  take(event: QueuedEvent): void {
    if (event === this.#heap[0]) {
      this.#pop();
      return;
    }
    this.#head++;
    if (this.#head < this.#present.length) return;
    this.#present = [];
    this.#head = 0;
  }

  at(atMs: number, callback: () => void): QueuedEvent {
    const event = new QueuedEvent(this, atMs, this.#order++, callback);
    this.#heap.push(event);
    this.#rise(this.#heap.length - 1);
    return event;
  }

  /** At the present time, behind everything that was scheduled before. */
  now(nowMs: number, callback: () => void): void {
    this.#present.push(new QueuedEvent(this, nowMs, this.#order++, callback));
  }

  /** One that `at` has returned was cancelled: it stays where it is for now. */
  cancelled(): void {
    this.#cancelled++;
    if (this.#cancelled > this.#heap.length / 2 && this.#heap.length > CLEAN_MIN) this.#clean();
  }

  #clean(): void {
    // In order of time they are a heap, too.
    this.#heap = this.#heap.filter(({ callback }) => callback).toSorted(compare);
    this.#cancelled = 0;
  }

  #rise(from: number): void {
    const heap = this.#heap;
    const event = heap[from] as QueuedEvent; // Just put there.
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const other = heap[above] as QueuedEvent; // In range: above is less than at.
      if (isBefore(other, event)) break;
      heap[at] = other;
      at = above;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      const right = heap[below + 1];
      // In range, by the comparison above.
      if (right && isBefore(right, heap[below] as QueuedEvent)) below++;
      const other = heap[below] as QueuedEvent; // As above.
      if (isBefore(last, other)) break;
      heap[at] = other;
      at = below;
    }
    heap[at] = last;
  }
}

function isBefore(a: QueuedEvent, b: QueuedEvent): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

function compare(a: QueuedEvent, b: QueuedEvent): number {
  return a.atMs - b.atMs || a.order - b.order;
}
