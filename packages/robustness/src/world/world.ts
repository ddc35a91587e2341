/**
 * What everything simulated stands in: one time, one queue of events, one source of chance. Nothing
 * in a world runs beside anything else, and nothing in it looks at the machine that it runs on, so
 * that a run follows from its seed.
 *
 * W1 events run in order of time, then of scheduling; promises settle completely between two events.
 * W2 a stream of chance is named: what one part draws never changes what another draws.
 */
import type { Random, Timer } from "@sagong/base";
import type { Trace } from "../trace/trace.js";

export interface World {
  /** True simulated time since the run began. Members see it through clocks of their own. */
  readonly nowMs: number;
  readonly trace: Trace;
  /** Runs `callback` once, `delayMs` (>= 0, fractions are fine) of true time from now. */
  after(delayMs: number, callback: () => void): Timer;
  /** Runs `callback` as an event of its own at the present time, behind those that wait already. */
  defer(callback: () => void): void;
  /** An independent stream that follows from the seed and the name. */
  chance(name: string): Random;
}
