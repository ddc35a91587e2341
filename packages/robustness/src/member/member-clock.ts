/**
 * Time as one member's machine shows it: a monotonic reading whose rate may be off (drift), and a wall
 * reading that may also be set wrong (skew) and set anew while the member runs (jumps). Timers run by
 * the monotonic one, as those of an operating system do.
 *
 * The clock is the machine's, so it outlives the member's processes; the timers are a process's:
 * they go through its gate, which holds them while it is paused and forgets them when it is dead.
 *
 * K1 `monotonicMs` never goes back, whatever is done to rate and wall.
 */
import { assert, type Clock, type Timer } from "@sagong/base";
import type { World } from "../world/world.js";
import type { ProcessGate } from "./process-gate.js";

/** The same for all members, so that the wall differs by their skews alone. */
const EPOCH_MS = Date.UTC(2026, 0, 1);
/** No oscillator is worse by a multiple; a rate beyond it is a mistake of the caller. */
const RATE_MIN = 0.1;
const RATE_MAX = 10;

export class MemberClock {
  readonly #world: World;
  /** Where the present rate began. */
  #sinceTrueMs: number;
  #sinceMonotonicMs: number;
  #rate = 1;
  #wallOffsetMs = 0;

  /** `uptimeMs`: how long the machine has been up, so that members' readings differ. */
  constructor(world: World, uptimeMs = 0) {
    this.#world = world;
    this.#sinceTrueMs = world.nowMs;
    this.#sinceMonotonicMs = uptimeMs;
    this.#wallOffsetMs = EPOCH_MS - uptimeMs;
  }

  wallMs(): number {
    return Math.floor(this.#wallOffsetMs + this.monotonicMs());
  }

  monotonicMs(): number {
    return this.#sinceMonotonicMs + (this.#world.nowMs - this.#sinceTrueMs) * this.#rate;
  }

  /** Milliseconds of this clock in one of true time. */
  get rate(): number {
    return this.#rate;
  }

  /** Drift from now on. Timers that run already keep the true time that they were set for. */
  setRate(rate: number): void {
    assert(rate >= RATE_MIN && rate <= RATE_MAX, `a clock's rate of ${rate} is no drift`);
    this.#sinceMonotonicMs = this.monotonicMs();
    this.#sinceTrueMs = this.#world.nowMs;
    this.#rate = rate;
  }

  /** Sets the wall forward or back; the monotonic reading does not notice. */
  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** The clock that a process of this machine is given. */
  of(gate: ProcessGate): Clock {
    return {
      wallMs: () => this.wallMs(),
      monotonicMs: () => this.monotonicMs(),
      schedule: (delayMs: number, callback: () => void): Timer =>
        gate.after(Math.max(0, delayMs) / this.#rate, callback),
    };
  }
}
