/**
 * A fixed set of seeds of the simulation of rollouts. Many more: `npm run simulate:rollout`.
 */
import { describe, expect, it } from "vitest";
import { planRollout } from "./rollout-plan.js";
import { simulateRollout } from "./simulate-rollout.js";

/** So many at a time: a seed that fails is then named by its test. */
const BATCH = 10;
const BATCHES = 6;
const TIMEOUT_MS = 120_000;

describe("simulateRollout()", () => {
  for (let batch = 0; batch < BATCHES; batch++) {
    const first = 1 + batch * BATCH;
    it(
      `keeps every promise in the runs of seeds ${first} to ${first + BATCH - 1}`,
      async () => {
        for (let seed = first; seed < first + BATCH; seed++) {
          const { violations } = await simulateRollout({ seed });
          expect({ seed, violations }).toEqual({ seed, violations: [] });
        }
      },
      TIMEOUT_MS,
    );
  }

  it(
    "gives the same run for the same seed, whether events are kept or not",
    async () => {
      const once = await simulateRollout({ seed: 5 });
      const again = await simulateRollout({ seed: 5, keepEvents: 500 });
      const other = await simulateRollout({ seed: 6 });
      expect(again.digest).toBe(once.digest);
      expect(other.digest).not.toBe(once.digest);
      expect(again.events.length).toBe(500);
    },
    TIMEOUT_MS,
  );

  it(
    "says what is missing where a rollout cannot come to its end",
    async () => {
      // No node ever runs a pod.
      const plan = { ...planRollout(1), nodes: 0, steps: [], safetyMs: 5_000 };
      const { violations } = await simulateRollout({ seed: 1, plan });
      expect(violations.map(({ guarantee }) => guarantee)).toEqual(["rollout-converges"]);
    },
    TIMEOUT_MS,
  );
});
