import { seededRandom } from "@sagong/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planRhythm, Rhythm } from "./rhythm.js";

function lengthOf({ times }: Rhythm): number {
  return times.reduce((total, { fromMs, toMs }) => total + toMs - fromMs, 0);
}

describe("planRhythm()", () => {
  it("is busy all the time when the phase is short", () => {
    const { times } = planRhythm(seededRandom(1), { fromMs: 1_000, untilMs: 20_000 });
    expect(times).toEqual([{ fromMs: 1_000, toMs: 20_000 }]);
  });

  it("begins and ends with a burst, and is as busy as any other run of that length", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 60_000, max: 600_000 }), (seed, untilMs) => {
        const rhythm = planRhythm(seededRandom(seed), { fromMs: 0, untilMs });
        const { times } = rhythm;
        expect(times[0]?.fromMs).toBe(0);
        expect(times.at(-1)?.toMs).toBeCloseTo(untilMs, 3);
        for (const [i, { fromMs, toMs }] of times.entries()) {
          expect(toMs).toBeGreaterThan(fromMs);
          expect(fromMs).toBeGreaterThanOrEqual(times[i - 1]?.toMs ?? 0);
        }
        expect(lengthOf(rhythm)).toBeCloseTo(Math.max(24_000, untilMs / 10), 3);
      }),
    );
  });

  it("has quiet stretches of seconds and of more than a minute", () => {
    const stretches = Array.from({ length: 100 }, (_, seed) =>
      planRhythm(seededRandom(seed), { fromMs: 0, untilMs: 240_000 }),
    ).flatMap(({ times }) => times.slice(1).map(({ fromMs }, i) => fromMs - (times[i]?.toMs ?? 0)));
    expect(stretches.filter((ms) => ms < 10_000).length).toBeGreaterThan(20);
    expect(stretches.filter((ms) => ms > 60_000).length).toBeGreaterThan(20);
  });
});

describe("Rhythm", () => {
  it("says how long it stays quiet, and is busy when the last burst is over", () => {
    const rhythm = new Rhythm([
      { fromMs: 10, toMs: 20 },
      { fromMs: 50, toMs: 60 },
    ]);
    expect([0, 10, 19, 20, 49, 50, 60, 100].map((ms) => rhythm.quietMs(ms))).toEqual([
      10, 0, 0, 30, 1, 0, 0, 0,
    ]);
  });
});
