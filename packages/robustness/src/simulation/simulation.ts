/** What a simulation is asked for, and what it answers. */
import type { History, Violation } from "../history/history.js";
import type { MemberFlags } from "../member/simulated-member.js";
import type { TraceEvent } from "../trace/trace.js";
import type { TrafficProfile } from "../traffic/profile.js";

export interface SimulateOptions {
  /** A safe integer, from which the whole run follows. */
  readonly seed: number;
  readonly members?: 1 | 3 | 5;
  /** Simulated seconds of the safety phase. */
  readonly safetyMs?: number;
  /** Groups or names of the catalogue; left out: all that are covered. */
  readonly faults?: readonly string[];
  /** Instead of one that follows from the seed: to replay or to shrink. */
  readonly schedule?: readonly ScheduledFault[];
  /** Of clients, instead of one that follows from the seed. */
  readonly profile?: TrafficProfile;
  /** Of all members, instead of some that follow from the seed. */
  readonly flags?: MemberFlags;
  /** How many of the last events are kept; the digest is of all. */
  readonly keepEvents?: number;
}

/** One fault of a schedule, as plain data. */
export interface ScheduledFault {
  readonly fault: string;
  readonly atMs: number;
  readonly durationMs: number;
  readonly parameters: Readonly<Record<string, unknown>>;
}

export interface SimulationResult {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** Of everything that happened, in order: equal for two runs of one seed. */
  readonly digest: string;
  readonly simulatedMs: number;
  readonly operations: number;
  readonly faultsByKind: Readonly<Record<string, number>>;
  /** How many of them met operations of clients. */
  readonly faultsMet: number;
  readonly schedule: readonly ScheduledFault[];
  readonly members: readonly string[];
  readonly events: readonly TraceEvent[];
  /** What the clients saw; only where events are kept. */
  readonly history?: History;
}

/** By a process of its own, which knows what it took. */
export interface MeasuredResult extends SimulationResult {
  /** Milliseconds of processors, the collector's and the compiler's threads included. */
  readonly cpuMs: number;
}
