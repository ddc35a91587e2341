import type { History, Violation } from "../history/history.js";
import type { TraceEvent } from "../trace/trace.js";

/** One run as the reports draw it, of the simulator or of real processes. */
export interface RecordedRun {
  /** What it was, in one line: `seed 42, 3 members`. */
  readonly title: string;
  /** The lanes, in their order. */
  readonly members: readonly string[];
  /** In order of time. */
  readonly events: readonly TraceEvent[];
  readonly violations: readonly Violation[];
  readonly durationMs: number;
  /** Draws what clients did; without it their calls are taken from the events. */
  readonly history?: History;
  /** What a reader wants to know first, by name: seed, digest, the command that repeats the run. */
  readonly facts?: readonly (readonly [name: string, value: string])[];
  /** The (shrunk) schedule of faults, a line each. */
  readonly schedule?: readonly string[];
}
