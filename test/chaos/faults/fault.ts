/** What a fault is, and what it is given. */
import type { Random } from "@sagong/base";
import type { ChaosCluster } from "../cluster.js";
import type { TrafficSurges } from "@sagong/robustness";
import type { ChaosMember } from "../member.js";

/** One line of the matrix of faults, on real processes. */
export interface ChaosFault {
  readonly group: FaultGroup;
  readonly name: string;
  /** 5: there is nothing to see with fewer members. */
  readonly membersMin?: number;
  /** Members must be in memory cgroups, which not every machine has. */
  readonly needsMemoryLimits?: boolean;
  /** Nothing else strikes meanwhile: with more the store would rightly lose what it has promised. */
  readonly isAlone?: boolean;
  /** How long the heal may take until all members make progress, where that is longer than usual. */
  readonly progressLimitMs?: number;
  /**
   * More than any store can bear, to show that the run notices. Only where it is asked for by name.
   */
  readonly isFatal?: boolean;
  /**
   * From its beginning to its end. What it leaves broken (processes that are down, links that are
   * cut) is healed behind it, at once.
   */
  strike(scene: Scene): Promise<void>;
}

/** Of the matrix those that real processes are put through. */
export type FaultGroup =
  | "process"
  | "network"
  | "clock"
  | "disk-errors"
  | "disk-lies"
  | "storage-work"
  | "service"
  | "versions";

export interface Scene {
  readonly cluster: ChaosCluster;
  readonly clients: TrafficSurges;
  readonly random: Random;
  /** Waits for that long, drawn evenly; less where the run is interrupted. */
  readonly hold: (leastMs: number, mostMs: number) => Promise<void>;
  /**
   * Resolves when every member has acknowledged a write that was asked for since. Rejects where that
   * takes too long.
   */
  readonly everyMemberWrites: () => Promise<void>;
  /** A line in the run's trace. */
  readonly note: (text: string, member?: ChaosMember) => void;
}

export function faultName({ group, name }: ChaosFault): string {
  return `${group}/${name}`;
}
