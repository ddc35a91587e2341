import { describe, expect, it } from "vitest";
import { simulate } from "../src/testing/simulation.js";

const SEEDS = 300;

describe("simulate()", () => {
  for (const members of [1, 3, 5]) {
    it(`keeps every invariant with ${members} members over ${SEEDS} seeds`, () => {
      const total = {
        elections: 0,
        crashes: 0,
        committed: 0,
        confirmedReads: 0,
        compactions: 0,
        images: 0,
      };
      for (let seed = 1; seed <= SEEDS; seed++) {
        try {
          const report = simulate({ seed, members, steps: 1500 });
          for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += report[key];
        } catch (error) {
          throw new Error(`seed ${seed}, ${members} members: ${String(error)}`, { cause: error });
        }
      }
      // A simulation in which nothing happens would prove nothing.
      expect(total.elections).toBeGreaterThan(SEEDS);
      expect(total.crashes).toBeGreaterThan(SEEDS);
      expect(total.committed).toBeGreaterThan(SEEDS * 3);
      expect(total.confirmedReads).toBeGreaterThan(SEEDS);
      expect(total.compactions).toBeGreaterThan(SEEDS / 2);
      expect(total.images).toBeGreaterThanOrEqual(members === 1 ? 0 : SEEDS / 10);
    }, 60_000);
  }
});
