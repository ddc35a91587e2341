/**
 * Whether clients use this member. A leader may send entries late to a member that nobody uses
 * (raft/core/sparing.ts): nobody there sees that a watch or a serializable read is behind.
 */
import type { Clock } from "@sagong/base";
import type { WatchSession } from "../rpc/watch-session.js";

/** Milliseconds after a call in which the client is expected again. */
const EXPECTED_MS = 1_000;

export class ClientUse {
  /** Those that are open. */
  readonly watchSessions: Set<WatchSession> = new Set();
  readonly #clock: Clock;
  #calledMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A call of any kind has come, at this time of the monotonic clock. */
  called(nowMs: number): void {
    this.#calledMs = nowMs;
  }

  get isIdle(): boolean {
    return (
      this.watchSessions.size === 0 && this.#clock.monotonicMs() - this.#calledMs > EXPECTED_MS
    );
  }
}
