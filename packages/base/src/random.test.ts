import { describe, expect, it } from "vitest";
import { randomBelow, randomId, seededRandom } from "./random.js";

describe("seededRandom()", () => {
  it("repeats its sequence for the same seed and differs for another", () => {
    const draw = (seed: number): number[] => {
      const random = seededRandom(seed);
      return Array.from({ length: 20 }, () => random.nextUint32());
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(draw(1)).not.toEqual(draw(2 ** 32 + 1));
  });

  it("randomBelow() covers its range and stays inside", () => {
    const random = seededRandom(1);
    const seen = new Set(Array.from({ length: 1000 }, () => randomBelow(random, 10)));
    expect([...seen].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("randomId() is positive as a signed 64-bit number", () => {
    const random = seededRandom(3);
    for (let i = 0; i < 1000; i++) {
      const id = randomId(random);
      expect(id > 0n && id < 2n ** 63n).toBe(true);
    }
  });
});
