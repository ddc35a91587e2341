/**
 * A fixed set of seeds, so that every change of the store is simulated before it is merged; many more
 * by `npm run simulate`. And that a seed is one run: twice in this process, in one of its own, in whose
 * compiled code nothing of the test's is, and whether or not anybody keeps its events.
 */
import { afterAll, describe, expect, it } from "vitest";
import { FAULT_GROUPS } from "../faults/fault.js";
import { simulate } from "./simulate.js";
import { SimulationWorker } from "./simulation-worker.js";

const SEEDS = Array.from({ length: 16 }, (_, i) => 1_000 + i);
const SAFETY_MS = 20_000;
/** Of a machine that has much else to do. */
const TIMEOUT_MS = 240_000;

describe("simulate()", () => {
  const worker = new SimulationWorker();
  afterAll(() => worker.close());

  it.each(SEEDS)(
    "violates no guarantee (seed %i)",
    async (seed) => {
      const { violations, operations } = await simulate({ seed, safetyMs: SAFETY_MS });
      expect(violations).toEqual([]);
      expect(operations).toBeGreaterThan(20);
    },
    TIMEOUT_MS,
  );

  it(
    "is the same run, to the last byte, for the same seed, wherever it runs",
    async () => {
      for (const seed of [1, 2]) {
        const options = { seed, safetyMs: 10_000 };
        const first = await simulate(options);
        expect((await simulate({ ...options, keepEvents: 1_000 })).digest).toBe(first.digest);
        expect((await worker.run(options)).digest).toBe(first.digest);
        expect(first.digest).not.toBe((await simulate({ ...options, seed: seed + 100 })).digest);
      }
    },
    TIMEOUT_MS,
  );

  it(
    "replays a schedule, and strikes with what it is told to",
    async () => {
      const schedule = [
        { fault: "power-loss", atMs: 3_000, durationMs: 500, parameters: { member: 0 } },
      ];
      const result = await simulate({ seed: 3, members: 3, safetyMs: 5_000, schedule });
      expect(result.violations).toEqual([]);
      expect(result.faultsByKind).toEqual({ "power-loss": 1 });
      const group = FAULT_GROUPS[1];
      const other = await simulate({ seed: 4, members: 3, safetyMs: 8_000, faults: [group] });
      expect(other.violations).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
