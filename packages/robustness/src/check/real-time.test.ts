import { randomBelow, seededRandom } from "@sagong/base";
import { describe, expect, it } from "vitest";
import { RealTime } from "./real-time.js";

interface Bounds {
  readonly notBefore: readonly (readonly [place: number, moment: number])[];
  readonly notAfter: readonly (readonly [place: number, moment: number])[];
}

/** Whether there are moments 1..last, tried one after the other. */
function canBe({ notBefore, notAfter }: Bounds, count: number, last: number): boolean {
  const fits = (place: number, moment: number): boolean =>
    notBefore.every(([at, bound]) => at !== place || moment >= bound) &&
    notAfter.every(([at, bound]) => at !== place || moment <= bound);
  const from = (place: number, earliest: number): boolean => {
    if (place > count) return true;
    for (let moment = earliest; moment <= last; moment++) {
      if (fits(place, moment) && from(place + 1, moment)) return true;
    }
    return false;
  };
  return from(1, 1);
}

describe("RealTime", () => {
  it("contradictions() are there exactly where no moments suit all", () => {
    const verdicts = { possible: 0, impossible: 0 };
    for (let seed = 0; seed < 2_000; seed++) {
      const random = seededRandom(seed);
      const [count, last] = [1 + randomBelow(random, 4), 6];
      const draw = (): readonly (readonly [number, number])[] =>
        Array.from({ length: randomBelow(random, 4) }, () => [
          1 + randomBelow(random, count),
          1 + randomBelow(random, last),
        ]);
      const bounds = { notBefore: draw(), notAfter: draw() };
      const time = new RealTime(count);
      const bound = (moment: number) => ({ moment, witness: () => "", atMs: undefined });
      for (const [place, moment] of bounds.notBefore) time.notBefore(place, bound(moment));
      for (const [place, moment] of bounds.notAfter) time.notAfter(place, bound(moment));
      const isPossible = time.contradictions().length === 0;
      expect({ seed, isPossible }).toEqual({ seed, isPossible: canBe(bounds, count, last) });
      verdicts[isPossible ? "possible" : "impossible"]++;
    }
    expect(Math.min(verdicts.possible, verdicts.impossible)).toBeGreaterThan(300);
  });

  it("deadlines() are what the place itself and all later ones leave", () => {
    const time = new RealTime(3);
    const bound = (moment: number) => ({ moment, witness: () => "", atMs: undefined });
    time.notAfter(1, bound(9));
    time.notAfter(2, bound(5));
    const moments = time.deadlines().slice(1);
    expect(moments.map((one) => one?.moment)).toEqual([5, 5, undefined]);
  });
});
