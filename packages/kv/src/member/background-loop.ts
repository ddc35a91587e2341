/**
 * Work in slices: runs `step` again and again while there is something to do, and leaves the event
 * loop to requests in between. Compaction's clean-up and the catching up of slow watchers run on it.
 */
import type { Clock, Timer } from "@sagong/base";

/** "more": at once after the others had their turn; "later": after a pause; "idle": on `wake`. */
export type StepOutcome = "more" | "later" | "idle";

export interface BackgroundLoopOptions {
  readonly clock: Clock;
  /** Runs a callback in the next turn of the event loop. */
  readonly defer: (callback: () => void) => void;
  readonly pauseMs: number;
  readonly step: () => StepOutcome;
  readonly onError: (error: unknown) => void;
}

export class BackgroundLoop {
  readonly #options: BackgroundLoopOptions;
  #deferred = false;
  #timer: Timer | undefined;
  #closed = false;
  #idle: (() => void)[] = [];

  constructor(options: BackgroundLoopOptions) {
    this.#options = options;
  }

  /** There may be something to do. */
  wake(): void {
    if (this.#deferred || this.#closed) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#deferred = true;
    this.#options.defer(() => this.#run());
  }

  /** Resolves when nothing is left to do. */
  idle(): Promise<void> {
    if (this.#closed || (!this.#deferred && !this.#timer)) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#settleIdle();
  }

  #run(): void {
    this.#deferred = false;
    if (this.#closed) return;
    let outcome: StepOutcome;
    try {
      outcome = this.#options.step();
    } catch (error) {
      this.close();
      this.#options.onError(error);
      return;
    }
    if (outcome === "more") return this.wake();
    if (outcome === "idle") return this.#settleIdle();
    this.#timer = this.#options.clock.schedule(this.#options.pauseMs, () => {
      this.#timer = undefined;
      this.wake();
    });
  }

  #settleIdle(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
