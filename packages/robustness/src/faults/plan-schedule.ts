/**
 * Which faults strike a run, when, and how: plain data that follows from chance, so that it can be
 * printed, written to a file, replayed and shrunk.
 *
 * A run does not see a bit of everything: it has a few kinds of faults, often, and others not at all
 * (swarm testing, Groce et al. 2012). Now and then it has all.
 *
 * It is fair (F3 in fairness.ts), and its last fault ends with the safety phase, so that the liveness
 * phase is one without.
 */
import type { Random } from "@sagong/base";
import type { ScheduledFault } from "../simulation/simulation.js";
import { arrivalMs, between, happens, oneOf, shuffled } from "../traffic/dice.js";
import { chooseFaults } from "./catalogue.js";
import { chooseDamageable } from "./fairness.js";
import type { CoveredFault, PlanSetting } from "./fault.js";

export interface ScheduleOptions {
  readonly members: number;
  /** When the safety phase is over. */
  readonly untilMs: number;
  /** When the first may strike: a cluster without a leader is a dull one. */
  readonly fromMs?: number;
  /** Names of faults or of groups; left out: any. */
  readonly faults?: readonly string[] | undefined;
}

const FROM_MS = 3_000;
/** Mean time between two, from a run that has hardly time to recover to one that has much. */
const PAUSES_MS = [1_500, 3_000, 6_000, 12_000] as const;
const KINDS: readonly [number, number] = [2, 7];
const ALL_KINDS_SHARE = 0.15;
const FAULTS_MAX = 500;

export function planSchedule(random: Random, options: ScheduleOptions): ScheduledFault[] {
  const { members, untilMs, fromMs = FROM_MS, faults } = options;
  const setting = { members, damageable: chooseDamageable(random, members) };
  const kinds = chooseKinds(random, possible(chooseFaults(faults), setting));
  const meanMs = oneOf(random, PAUSES_MS);
  const schedule: ScheduledFault[] = [];
  let atMs = fromMs;
  while (kinds.length > 0 && schedule.length < FAULTS_MAX) {
    atMs += Math.round(arrivalMs(random, meanMs));
    if (atMs >= untilMs) break;
    const kind = oneOf(random, kinds);
    const { durationMs, parameters } = kind.plan(random, setting);
    const planned = { fault: kind.name, atMs, durationMs, parameters };
    schedule.push({ ...planned, durationMs: Math.min(durationMs, untilMs - atMs) });
  }
  return schedule;
}

function possible(
  faults: readonly CoveredFault[],
  { members, damageable: some }: PlanSetting,
): CoveredFault[] {
  return faults.filter(
    ({ membersMin = 1, damages }) => members >= membersMin && (!damages || some.length > 0),
  );
}

function chooseKinds(random: Random, faults: readonly CoveredFault[]): readonly CoveredFault[] {
  if (happens(random, ALL_KINDS_SHARE)) return faults;
  return shuffled(random, faults).slice(0, between(random, KINDS));
}
