/**
 * Which faults strike a run, when, and how: plain data that follows from chance, so that it can be
 * printed, written to a file, replayed and shrunk.
 *
 * A run does not see a bit of everything: it has a few kinds of faults, often, and others not at all
 * (swarm testing, Groce et al. 2012). Now and then it has all.
 *
 * Most strike where clients are busy, or shortly before: what nobody asks for cannot be answered wrong.
 * The others strike a quiet cluster, and what they leave behind is what the next burst meets.
 *
 * It is fair (F3 in fairness.ts), and its last fault ends with the safety phase, so that the liveness
 * phase is one without.
 */
import type { Random } from "@sagong/base";
import type { ScheduledFault } from "../simulation/simulation.js";
import { arrivalMs, between, happens, oneOf, shuffled } from "../traffic/dice.js";
import type { BusyTime } from "../traffic/rhythm.js";
import { chooseFaults } from "./catalogue.js";
import { chooseDamageable } from "./fairness.js";
import type { CoveredFault, PlanSetting } from "./fault.js";

export interface ScheduleOptions {
  readonly members: number;
  /** When the safety phase is over. */
  readonly untilMs: number;
  /** When the first may strike: a cluster without a leader is a dull one. */
  readonly fromMs?: number;
  /** When clients are busy, in order; left out: always. */
  readonly busy?: readonly BusyTime[];
  /** Names of faults or of groups; left out: any. */
  readonly faults?: readonly string[] | undefined;
}

const FROM_MS = 3_000;
/** Mean time between two, from a run that has hardly time to recover to one that has much. */
const PAUSES_MS = [1_500, 3_000, 6_000, 12_000] as const;
/** A fault may begin so long before a burst, which finds it under way. */
const LEAD_MS = 2_000;
/** Of faults, those that strike at any time. */
const ANY_TIME_SHARE = 0.1;
const KINDS: readonly [number, number] = [2, 7];
const ALL_KINDS_SHARE = 0.15;
const FAULTS_MAX = 500;

export function planSchedule(random: Random, options: ScheduleOptions): ScheduledFault[] {
  const { members, untilMs, fromMs = FROM_MS, faults } = options;
  const whole = { fromMs, toMs: untilMs };
  const windows = windowsOf(options.busy ?? [whole], whole);
  const setting = { members, damageable: chooseDamageable(random, members) };
  const kinds = chooseKinds(random, possible(chooseFaults(faults), setting));
  const meanMs = oneOf(random, PAUSES_MS);
  const schedule: ScheduledFault[] = [];
  let behindMs = 0;
  while (kinds.length > 0 && schedule.length < FAULTS_MAX) {
    behindMs += Math.round(arrivalMs(random, meanMs));
    const busyAtMs = timeAt(windows, behindMs);
    if (busyAtMs === undefined) break;
    const atMs = happens(random, ANY_TIME_SHARE)
      ? between(random, [fromMs, untilMs - 1])
      : busyAtMs;
    const kind = oneOf(random, kinds);
    const { durationMs, parameters } = kind.plan(random, setting);
    const planned = { fault: kind.name, atMs, durationMs, parameters };
    schedule.push({ ...planned, durationMs: Math.min(durationMs, untilMs - atMs) });
  }
  return schedule.toSorted((a, b) => a.atMs - b.atMs);
}

/** Bursts and what leads to them, within the whole. */
function windowsOf(busy: readonly BusyTime[], whole: BusyTime): BusyTime[] {
  const windows: BusyTime[] = [];
  for (const { fromMs, toMs } of busy) {
    const earliestMs = windows.at(-1)?.toMs ?? whole.fromMs;
    const window = {
      fromMs: Math.ceil(Math.max(earliestMs, fromMs - LEAD_MS)),
      toMs: Math.floor(Math.min(whole.toMs, toMs)),
    };
    if (window.fromMs < window.toMs) windows.push(window);
  }
  return windows;
}

/** Where all windows were one: the time at `behindMs` of it. Undefined behind its end. */
function timeAt(windows: readonly BusyTime[], behindMs: number): number | undefined {
  let leftMs = behindMs;
  for (const { fromMs, toMs } of windows) {
    if (leftMs < toMs - fromMs) return fromMs + leftMs;
    leftMs -= toMs - fromMs;
  }
  return undefined;
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
