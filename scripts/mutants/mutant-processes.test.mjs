// @ts-check
/**
 * A few mutants, so that every change of the suite is known to see before it is merged; all of them by
 * `npm run simulate:mutants`. Each of another layer, and caught within seconds.
 */
import { describe, expect, it } from "vitest";
import { mutantNamed } from "../../packages/robustness/dist/mutants/catalogue.js";
import { hunt } from "../../packages/robustness/dist/mutants/hunt.js";
import { mutantProcesses } from "./mutant-processes.mjs";

const FAST = [
  "acknowledged-before-written",
  "election-restriction-skipped",
  "sent-events-stay-in-the-buffer",
  "txn-needs-one-comparison",
  "lease-never-ends",
];
const LIMITS = { seeds: 10, budgetMs: 120_000 };
/** Of a machine that has much else to do. */
const TIMEOUT_MS = 240_000;

describe("mutantProcesses()", () => {
  const run = mutantProcesses();

  it.each(FAST)(
    "has runs in which %s is caught, and the code as it is is not",
    async (name) => {
      const mutant = mutantNamed(name);

      const verdict = await hunt(mutant, run, LIMITS);

      expect(verdict.kind).toBe("caught");
    },
    TIMEOUT_MS,
  );

  it("rejects where a mutant cannot be put in", async () => {
    const request = {
      mutant: "no-such",
      simulation: "store",
      seeds: [1],
      options: {},
      budgetMs: 1,
    };
    await expect(run(/** @type {const} */ (request))).rejects.toThrow("the mutant no-such");
  });
});
