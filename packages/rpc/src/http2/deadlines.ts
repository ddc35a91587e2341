/**
 * When calls are to end, for all calls of a channel with one timer: most calls end long before, so
 * that setting and removing a deadline must cost next to nothing. Deadlines fall due in slots of a
 * few milliseconds, each a list linked through the calls themselves, and a heap of the slots' times
 * says which is the next.
 *
 * Invariant: the timer is set for the earliest slot that had a call when it was set, or earlier.
 */
import type { Clock, Timer } from "@sagong/base";

/** Deadlines fall due up to this much late, never early. */
const SLOT_MS = 5;

/** A call's own place in the lists; its fields are `Deadlines`' alone. */
export abstract class DeadlineHolder {
  deadlineSlot: DeadlineSlot | undefined = undefined;
  deadlineBefore: DeadlineHolder | undefined = undefined;
  deadlineAfter: DeadlineHolder | undefined = undefined;

  abstract expired(): void;
}

interface DeadlineSlot {
  readonly tick: number;
  first: DeadlineHolder | undefined;
}

export class Deadlines {
  readonly #clock: Clock;
  readonly #slots = new Map<number, DeadlineSlot>();
  /** A binary heap, the least first. */
  readonly #ticks: number[] = [];
  #timer: Timer | undefined;
  #timerTick = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `holder.expired()` after `delayMs`, unless removed. At most one deadline a holder. */
  add(holder: DeadlineHolder, delayMs: number): void {
    const tick = Math.ceil((this.#clock.monotonicMs() + Math.max(0, delayMs)) / SLOT_MS);
    let slot = this.#slots.get(tick);
    if (slot === undefined) {
      slot = { tick, first: undefined };
      this.#slots.set(tick, slot);
      push(this.#ticks, tick);
    }
    holder.deadlineSlot = slot;
    holder.deadlineAfter = slot.first;
    if (slot.first !== undefined) slot.first.deadlineBefore = holder;
    slot.first = holder;
    if (tick < this.#timerTick) this.#schedule(tick);
  }

  /** No effect where it has none. */
  remove(holder: DeadlineHolder): void {
    const slot = holder.deadlineSlot;
    if (slot === undefined) return;
    const { deadlineBefore: before, deadlineAfter: after } = holder;
    if (before === undefined) slot.first = after;
    else before.deadlineAfter = after;
    if (after !== undefined) after.deadlineBefore = before;
    holder.deadlineSlot = undefined;
    holder.deadlineBefore = undefined;
    holder.deadlineAfter = undefined;
  }

  /** Nothing falls due any more. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerTick = Number.POSITIVE_INFINITY;
  }

  #schedule(tick: number): void {
    this.#timer?.cancel();
    this.#timerTick = tick;
    const delayMs = Math.max(0, tick * SLOT_MS - this.#clock.monotonicMs());
    this.#timer = this.#clock.schedule(delayMs, () => this.#run());
  }

  #run(): void {
    this.stop();
    const nowMs = this.#clock.monotonicMs();
    for (let tick = this.#ticks[0]; tick !== undefined; tick = this.#ticks[0]) {
      const first = this.#slots.get(tick)?.first;
      if (first === undefined) {
        this.#slots.delete(tick);
        pop(this.#ticks);
      } else if (tick * SLOT_MS > nowMs) {
        // What a call does that has expired may have set the timer already.
        if (tick < this.#timerTick) this.#schedule(tick);
        return;
      } else {
        this.remove(first);
        first.expired();
      }
    }
  }
}

function push(heap: number[], value: number): void {
  let at = heap.length;
  heap.push(value);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent] as number; // `parent` is below `at`.
    if (above <= value) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = value;
}

/** Removes the least of a heap that is not empty. */
function pop(heap: number[]): void {
  const value = heap.pop() as number; // There is one, says the caller.
  if (heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    const right = heap[child + 1];
    if (right !== undefined && right < (heap[child] as number)) child++; // In range, as tested.
    const below = heap[child] as number; // Likewise.
    if (below >= value) break;
    heap[at] = below;
    at = child;
  }
  heap[at] = value;
}
