/**
 * A failing run's schedule made small: delta debugging (Zeller and Hildebrandt 2002, ddmin) over its
 * faults, then their times made shorter by halves. Each attempt is a run of its own, which need not
 * fail at the same place: any failure counts, for any is worth a look.
 */
import { assert } from "@sagong/base";
import type { ScheduledFault } from "../simulation/simulation.js";

export type Schedule = readonly ScheduledFault[];

export interface ShrinkLimits {
  /** Runs at most. */
  readonly attemptsMax: number;
  /** Faults are not made shorter than that. */
  readonly durationMsMin?: number;
}

export interface Shrunk {
  readonly schedule: Schedule;
  readonly attempts: number;
  /** Whether no single fault can be left out any more. */
  readonly isMinimal: boolean;
}

const DURATION_MS_MIN = 100;

/** `stillFails` of the whole schedule is taken for granted. */
export async function shrinkSchedule(
  schedule: Schedule,
  stillFails: (schedule: Schedule) => Promise<boolean>,
  limits: ShrinkLimits,
): Promise<Shrunk> {
  assert(limits.attemptsMax > 0, "shrinking takes attempts");
  let attempts = 0;
  const fails = async (candidate: Schedule): Promise<boolean> => {
    if (attempts >= limits.attemptsMax) return false;
    attempts++;
    return await stillFails(candidate);
  };
  const fewer = await withFewer(schedule, fails);
  const isMinimal = attempts < limits.attemptsMax;
  const shorter = await withShorter(fewer, fails, limits.durationMsMin ?? DURATION_MS_MIN);
  return { schedule: shorter, attempts, isMinimal };
}

/** Leaves out parts, large ones first, until no single one can go. */
async function withFewer(
  whole: Schedule,
  fails: (schedule: Schedule) => Promise<boolean>,
): Promise<Schedule> {
  if (whole.length > 0 && (await fails([]))) return [];
  let present = whole;
  let parts = 2;
  while (present.length > 1) {
    const size = Math.ceil(present.length / parts);
    const smaller = await firstFailing(present, size, fails);
    if (smaller) {
      present = smaller;
      parts = Math.max(2, parts - 1);
    } else if (size === 1) return present;
    else parts = Math.min(present.length, 2 * parts);
  }
  return present;
}

/** The first that fails: one part alone, or everything but one part. */
async function firstFailing(
  present: Schedule,
  size: number,
  fails: (schedule: Schedule) => Promise<boolean>,
): Promise<Schedule | undefined> {
  for (let at = 0; at < present.length; at += size) {
    const part = present.slice(at, at + size);
    if (part.length < present.length - part.length && (await fails(part))) return part;
    const rest = [...present.slice(0, at), ...present.slice(at + size)];
    if (await fails(rest)) return rest;
  }
  return undefined;
}

async function withShorter(
  schedule: Schedule,
  fails: (schedule: Schedule) => Promise<boolean>,
  durationMsMin: number,
): Promise<Schedule> {
  let present = schedule;
  for (const [i, { durationMs }] of schedule.entries()) {
    for (let ms = Math.floor(durationMs / 2); ms >= durationMsMin; ms = Math.floor(ms / 2)) {
      const shorter = present.map((fault, j) => (j === i ? { ...fault, durationMs: ms } : fault));
      if (!(await fails(shorter))) break;
      present = shorter;
    }
  }
  return present;
}
