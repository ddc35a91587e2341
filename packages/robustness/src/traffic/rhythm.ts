/**
 * When the clients of a run are busy: in bursts, with quiet stretches between them in which what works
 * by time alone has its turn (leases end, keepalives, elections, watches that hear nothing for long).
 * A real cluster spends its hours like that, and hardly any time of a processor: what a run costs is its
 * operations, so they are where faults are.
 *
 * Drawn once for a run, so that faults can be planned by it.
 */
import { type Random, randomFraction } from "@sagong/base";
import { between } from "./dice.js";

/** From the first to before the last millisecond of true time. */
export interface BusyTime {
  readonly fromMs: number;
  readonly toMs: number;
}

/** From two elections to ten: long enough for a fault to begin, be noticed and end. */
const BURST_MS: readonly [number, number] = [3_000, 10_000];
/** A run is as busy as this, or for `BUSY_SHARE` of it where that is more. */
const BUSY_MS = 24_000;
const BUSY_SHARE = 0.1;
/** The shortest stretch that is called quiet: leases of the clients end in it. */
const QUIET_MS_MIN = 2_000;

export class Rhythm {
  readonly times: readonly BusyTime[];

  /** In order, apart from each other. */
  constructor(times: readonly BusyTime[]) {
    this.times = times;
  }

  /**
   * How long it stays quiet from now on; 0 where it is not. Behind the last burst everybody is busy:
   * whoever ends the run says when it is over.
   */
  quietMs(nowMs: number): number {
    const next = this.times.find(({ toMs }) => nowMs < toMs);
    return next === undefined ? 0 : Math.max(0, next.fromMs - nowMs);
  }
}

/** Bursts from the first to the last moment of a phase, and all that is left of it quiet. */
export function planRhythm(
  random: Random,
  { fromMs, untilMs }: { readonly fromMs: number; readonly untilMs: number },
): Rhythm {
  const phaseMs = Math.max(0, untilMs - fromMs);
  const lengths = burstLengths(random, Math.max(BUSY_SHARE * phaseMs, Math.min(BUSY_MS, phaseMs)));
  const quietMs = phaseMs - sum(lengths);
  if (quietMs < QUIET_MS_MIN || lengths.length < 2) return new Rhythm([{ fromMs, toMs: untilMs }]);
  // Shares of independent arrivals: some stretches are over in seconds, others take minutes.
  const weights = lengths.slice(1).map(() => -Math.log(1 - randomFraction(random)));
  const perWeight = quietMs / Math.max(sum(weights), Number.MIN_VALUE);
  let atMs = fromMs;
  const times = lengths.map((lengthMs, i) => {
    if (i > 0) atMs += (weights[i - 1] ?? 0) * perWeight;
    const time = { fromMs: atMs, toMs: atMs + lengthMs };
    atMs = time.toMs;
    return time;
  });
  return new Rhythm(times);
}

function burstLengths(random: Random, busyMs: number): number[] {
  const lengths: number[] = [];
  for (let leftMs = busyMs; leftMs > 0; leftMs -= lengths.at(-1) ?? leftMs) {
    lengths.push(Math.min(leftMs, between(random, BURST_MS)));
  }
  return lengths;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
