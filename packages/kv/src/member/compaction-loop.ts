/**
 * The clean-up after a compaction, in slices with a latency budget: no request waits longer for it
 * than one slice, however much there is to remove (etcd's stalls are issues #19406, #11421).
 */
import type { Clock, Logger } from "@sagong/base";
import type { MvccStore } from "../mvcc/mvcc-store.js";
import { BackgroundLoop, type StepOutcome } from "./background-loop.js";
import type { StateMedium } from "./state-medium.js";

export interface CompactionLoopOptions {
  readonly store: MvccStore;
  readonly medium: Pick<StateMedium, "commit" | "backlogBytes" | "reclaim">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly defer: (callback: () => void) => void;
  readonly onError: (error: unknown) => void;
}

/** A slice ends after this long; then requests have the loop for the pause. */
const SLICE_MS = 4;
const PAUSE_MS = 8;
/** Keys between two looks at the clock. */
const STEP_KEYS = 200;
/** Removals that wait for the disk; beyond it the clean-up waits too. */
const BACKLOG_BYTES_MAX = 16 * 1024 * 1024;

export function createCompactionLoop(options: CompactionLoopOptions): BackgroundLoop {
  const { clock, defer, onError } = options;
  const worker = new CompactionWorker(options);
  return new BackgroundLoop({
    clock,
    defer,
    pauseMs: PAUSE_MS,
    step: () => worker.step(),
    onError,
  });
}

class CompactionWorker {
  readonly #options: CompactionLoopOptions;
  #startedMs: number | undefined;
  #reclaiming = false;

  constructor(options: CompactionLoopOptions) {
    this.#options = options;
  }

  step(): StepOutcome {
    const { store, medium, clock, logger } = this.#options;
    if (!store.isCompacting) return "idle";
    const nowMs = clock.monotonicMs();
    this.#startedMs ??= nowMs;
    if (medium.backlogBytes > BACKLOG_BYTES_MAX) return "later";
    let done = false;
    do done = store.compactStep(STEP_KEYS);
    while (!done && clock.monotonicMs() - nowMs < SLICE_MS);
    medium.commit();
    if (!done) return "later";
    logger.info("compaction finished", {
      revision: store.compactRevision,
      tookMs: Math.round(clock.monotonicMs() - this.#startedMs),
    });
    this.#startedMs = undefined;
    this.#reclaim();
    return "idle";
  }

  /** The database gives space back in its own time and threads; one such run at a time. */
  #reclaim(): void {
    if (this.#reclaiming) return;
    this.#reclaiming = true;
    this.#options.medium
      .reclaim()
      .catch(this.#options.onError)
      .finally(() => {
        this.#reclaiming = false;
      });
  }
}
