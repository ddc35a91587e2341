/**
 * When followers are told of a commit that no append has carried to them. A notice costs each of them
 * a wake-up, a fifth of a lone write's whole work, and the next append mostly follows in a moment and
 * brings it for nothing: so it waits a little for one. But not where a follower's own clients write:
 * they are answered when that follower has applied what they wrote.
 */
import type { Clock, Timer } from "@sagong/base";

/** What waits longest for a notice: watchers and serializable reads of a follower. */
const HELD_MS = 2;
/** So long after a follower has forwarded a write, others of its are expected. */
const FORWARDING_MS = 1_000;

export class CommitNotices {
  readonly #clock: Clock;
  readonly #onDue: () => void;
  #timer: Timer | undefined;
  #isDue = false;
  #forwardedMs = Number.NEGATIVE_INFINITY;

  /** `onDue` is called when what is held may be held no longer. */
  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** A follower has handed on what its clients wrote. */
  forwarded(): void {
    this.#forwardedMs = this.#clock.monotonicMs();
  }

  get areHeld(): boolean {
    return !this.#isDue && this.#clock.monotonicMs() - this.#forwardedMs > FORWARDING_MS;
  }

  /** After the messages of a turn; `hasUntold`: there is a commit that some follower does not know. */
  turned(hasUntold: boolean): void {
    this.#isDue = false;
    if (!hasUntold) return;
    this.#timer ??= this.#clock.schedule(HELD_MS, () => {
      this.#timer = undefined;
      this.#isDue = true;
      this.#onDue();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
