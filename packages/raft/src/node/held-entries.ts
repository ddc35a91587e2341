/**
 * When entries that wait for others, for a follower that no majority needs (core/sparing.ts), are
 * sent even though few have come: that member's log and its state are never further behind.
 */
import type { Clock, Timer } from "@sagong/base";

export class HeldEntries {
  readonly #clock: Clock;
  readonly #heldMs: number;
  readonly #onDue: () => void;
  #timer: Timer | undefined;

  /** `onDue` is called when what is held may be held no longer. */
  constructor(clock: Clock, heldMs: number, onDue: () => void) {
    this.#clock = clock;
    this.#heldMs = heldMs;
    this.#onDue = onDue;
  }

  /** After a turn; `hasHeld`: there are entries that some follower has not been sent. */
  turned(hasHeld: boolean): void {
    if (!hasHeld) return;
    this.#timer ??= this.#clock.schedule(this.#heldMs, () => {
      this.#timer = undefined;
      this.#onDue();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
