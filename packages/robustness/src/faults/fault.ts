/**
 * What the catalogue is made of: one entry for each thing of the fault matrix that can go wrong. A
 * fault is planned by chance into plain data, which can be printed, replayed and shrunk, and applied
 * to a simulated cluster from that data and from the cluster's state alone.
 */
import type { Random } from "@sagong/base";
import { between } from "../traffic/dice.js";
import type { ScheduledFault } from "../simulation/simulation.js";
import type { FaultScene, Undo } from "./fault-scene.js";

/** In the matrix's order. */
export const FAULT_GROUPS = [
  "process",
  "network",
  "clock",
  "disk-errors",
  "disk-lies",
  "membership",
  "snapshot",
  "storage-work",
  "service",
  "versions",
] as const;

export type FaultGroup = (typeof FAULT_GROUPS)[number];

export type Fault = CoveredFault | UncoveredFault;

interface FaultEntry {
  readonly group: FaultGroup;
  /** Unique in the catalogue, kebab-case. */
  readonly name: string;
  /** The things of the matrix that it stands for, in the matrix's words. */
  readonly items: readonly string[];
}

export interface UncoveredFault extends FaultEntry {
  /** Why not, and what is nearest to it. */
  readonly isCovered: string;
}

export interface CoveredFault extends FaultEntry {
  readonly isCovered: true;
  /** What the store promises under it, beside what it promises always (docs/guarantees.md). */
  readonly promise: string;
  /**
   * That it takes from a member what its disk had said was kept, or makes its disk one that lies; see
   * fairness.ts. The member it strikes is then the number `member` of its parameters.
   */
  readonly damages?: true;
  /** With fewer members there is nothing to do it to. */
  readonly membersMin?: number;
  readonly plan: (random: Random, setting: PlanSetting) => PlannedFault;
  /** Begins it. What it answers ends it; nothing where it is over at once. */
  readonly apply: (scene: FaultScene, planned: ScheduledFault) => Undo | void;
}

export interface PlanSetting {
  /** How many. */
  readonly members: number;
  /** Which of them may be damaged, by number from 0; never more than a minority. */
  readonly damageable: readonly number[];
}

export type PlannedFault = Pick<ScheduledFault, "durationMs" | "parameters">;

/** The parameter of a fault that strikes one, whoever it is. */
export function anyMember(random: Random, { members }: PlanSetting): { readonly member: number } {
  return { member: between(random, [0, members - 1]) };
}

// ── Reading plans: they may come from a file ────────────────────────────────────────────────────

export function numberOf({ fault, parameters }: ScheduledFault, name: string): number {
  const value = parameters[name];
  if (typeof value === "number") return value;
  throw new Error(`Cannot apply ${fault}: ${name} is ${String(value)}, expected a number`);
}

export function textOf({ fault, parameters }: ScheduledFault, name: string): string {
  const value = parameters[name];
  if (typeof value === "string") return value;
  throw new Error(`Cannot apply ${fault}: ${name} is ${String(value)}, expected a text`);
}

export function isSet({ parameters }: ScheduledFault, name: string): boolean {
  return parameters[name] === true;
}
