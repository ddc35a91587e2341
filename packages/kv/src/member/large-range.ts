/**
 * A range that is too large for one turn of the event loop: a few steps of its cursor in each turn,
 * so that small requests, heartbeats and watchers are served in between. All steps see one revision
 * (range-cursor.ts).
 */
import type { Clock } from "@sagong/base";
import type { RangeCursor } from "../apply/range-cursor.js";

export interface LargeRangeDependencies {
  readonly clock: Pick<Clock, "monotonicMs">;
  /** Runs a callback in the next turn of the event loop. */
  readonly defer: (callback: () => void) => void;
  /** Set while the state cannot be read; see KvStateMachine. */
  readonly replacement: () => Promise<void> | undefined;
}

/** What one turn gives a range. Several that run beside each other take turns. */
const TURN_MS = 2;

/** Resolves after the cursor's last step. Rejects with what a step throws. */
export async function finishRange(
  cursor: RangeCursor,
  { clock, defer, replacement }: LargeRangeDependencies,
): Promise<void> {
  for (;;) {
    await new Promise<void>((resolve) => defer(resolve));
    await replacement();
    const endMs = clock.monotonicMs() + TURN_MS;
    do {
      if (cursor.step()) return;
    } while (clock.monotonicMs() < endMs);
  }
}
