import { describe, expect, it } from "vitest";
import { mutantNamed } from "./catalogue.js";
import { hunt, type RunRequest, type SeedRun } from "./hunt.js";

const mutant = mutantNamed("read-before-applied");
const limits = { seeds: 5, budgetMs: 1_000 };
const violation = { guarantee: "linearizable", text: "a read saw what was overwritten" };

/** Runs in which the mutant is found by `found`, and the unchanged code by `control`. */
function runner(
  found: (seed: number) => boolean,
  control: (seed: number) => SeedRun["violations"] = () => [],
) {
  const requests: RunRequest[] = [];
  const run = async (request: RunRequest): Promise<readonly SeedRun[]> => {
    requests.push(request);
    const runs: SeedRun[] = [];
    for (const seed of request.seeds) {
      const isMutant = request.mutant !== undefined;
      const violations = isMutant ? (found(seed) ? [violation] : []) : control(seed);
      runs.push({ seed, violations, digest: isMutant && seed % 2 === 0 ? "other" : "same" });
      if (violations.length > 0) break;
    }
    return runs;
  };
  return { run, requests };
}

describe("hunt()", () => {
  it("says by which guarantee and seed a mutant was caught, and holds the unchanged code against it", async () => {
    const { run, requests } = runner((seed) => seed === 3);

    const verdict = await hunt(mutant, run, limits);

    expect(verdict).toEqual({ kind: "caught", seed: 3, ...violation });
    expect(requests.map((request) => [request.mutant, request.seeds])).toEqual([
      [mutant.name, [1, 2, 3, 4, 5]],
      [undefined, [3]],
    ]);
  });

  it("does not count what is found in the unchanged code too, and looks further", async () => {
    const never = await hunt(
      mutant,
      runner(
        () => true,
        () => [violation],
      ).run,
      limits,
    );
    const inSeed4 = runner(
      (seed) => seed % 2 === 0,
      (seed) => (seed === 2 ? [violation] : []),
    );
    const later = await hunt(mutant, inSeed4.run, limits);

    expect(never).toEqual({ kind: "unsound", seed: 1, guarantee: "linearizable" });
    expect(later).toEqual({ kind: "caught", seed: 4, ...violation });
  });

  it("tells a survivor that nobody sees from one that changes nothing", async () => {
    const { run } = runner(() => false);

    const seen = await hunt(mutant, run, limits);
    const idle = await hunt(mutant, run, { ...limits, seeds: 1 });

    expect(seen).toEqual({ kind: "survived", seeds: 5, isAlive: true });
    expect(idle).toEqual({ kind: "survived", seeds: 1, isAlive: false });
  });

  it("says so where the mutant cannot be put in", async () => {
    const verdict = await hunt(mutant, () => Promise.reject(new Error("text not found")), limits);

    expect(verdict).toEqual({ kind: "failed", error: "text not found" });
  });
});
