/**
 * What many runs showed, in figures: seeds, simulated time and how much faster than the real it was,
 * operations that were checked, faults by kind, mutants caught. `summarize()` gives it as plain data
 * (which is also the report in JSON), `renderSummary()` as aligned text.
 */
import type { Violation } from "../history/history.js";

/** Of one run. */
export interface RunResult {
  readonly seed: number | bigint | string;
  readonly violations: readonly Violation[];
  readonly simulatedMs: number;
  /** Operations of clients that checkers judged. */
  readonly operations: number;
  /** How often each fault struck, by `group/name`. */
  readonly faultsByKind: Readonly<Record<string, number>>;
}

export interface FoundMutant {
  readonly name: string;
  /** Undefined: it lived. */
  readonly caughtBy: { readonly seed: string; readonly guarantee: string } | undefined;
  /** Real time until it was caught, or given up. */
  readonly tookMs: number;
}

export interface Summary {
  readonly seeds: number;
  readonly simulatedHours: number;
  readonly realSeconds: number;
  /** Simulated time by real time. */
  readonly timesRealTime: number;
  readonly operations: number;
  readonly faults: number;
  readonly faultsByKind: Readonly<Record<string, number>>;
  readonly violations: readonly {
    readonly seed: string;
    readonly guarantee: string;
    readonly text: string;
  }[];
  readonly mutants: readonly FoundMutant[];
  /** Faults of the matrix that are not there yet, and why. */
  readonly notCovered: readonly { readonly name: string; readonly reason: string }[];
}
