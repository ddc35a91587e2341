/**
 * The clean-up after a compaction, and the putting together of small blocks, in slices with a latency
 * budget: no request waits longer for it than one slice, however much there is to do (etcd's stalls
 * are issues #19406, #11421).
 */
import type { Clock, Logger } from "@sagong/base";
import type { MvccStore } from "../mvcc/mvcc-store.js";
import { BackgroundLoop, type StepOutcome } from "./background-loop.js";
import type { KvStateMachine } from "./kv-state-machine.js";
import type { StateMedium } from "./state-medium.js";

export interface CompactionLoopOptions {
  readonly store: MvccStore;
  readonly medium: Pick<StateMedium, "commit" | "backlogBytes" | "reclaim">;
  readonly machine: Pick<KvStateMachine, "replacement">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly defer: (callback: () => void) => void;
  readonly onError: (error: unknown) => void;
}

/** A slice ends after this long; then requests have the loop for the pause. */
const SLICE_MS = 4;
const PAUSE_MS = 8;
/** Keys and versions between two looks at the clock. */
const STEP_VERSIONS = 100;
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
  /** Since when superseded versions are being removed. */
  #startedMs: number | undefined;
  /** When the last slice ended. */
  #pausedMs = Number.NEGATIVE_INFINITY;
  #reclaiming = false;

  constructor(options: CompactionLoopOptions) {
    this.#options = options;
  }

  step(): StepOutcome {
    const { store, medium, machine, clock } = this.#options;
    if (!store.wantsCleanUp) return "idle";
    const nowMs = clock.monotonicMs();
    // Whatever is applied wakes this loop: the pause is for requests all the same.
    if (nowMs - this.#pausedMs < PAUSE_MS) return "later";
    // Nothing can be read while an image takes the database's place.
    if (machine.replacement || store.isCleanUpHeld) return "later";
    if (medium.backlogBytes > BACKLOG_BYTES_MAX) return "later";
    if (store.isCompacting) this.#startedMs ??= nowMs;
    let done = false;
    do done = store.compactStep(STEP_VERSIONS);
    while (!done && clock.monotonicMs() - nowMs < SLICE_MS);
    medium.commit();
    this.#pausedMs = clock.monotonicMs();
    if (this.#startedMs !== undefined && !store.isCompacting) this.#finished(this.#startedMs);
    return done ? "idle" : "later";
  }

  #finished(startedMs: number): void {
    const { store, clock, logger } = this.#options;
    logger.info("compaction finished", {
      revision: store.compactRevision,
      tookMs: Math.round(clock.monotonicMs() - startedMs),
    });
    this.#startedMs = undefined;
    this.#reclaim();
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
