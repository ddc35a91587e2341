/**
 * Whether the suite finds a mutant: its runs, seed after seed, until a guarantee is violated. How a
 * run is made (a process of its own, with the mutant in it) is the caller's.
 *
 * A mutant is caught only if the same run of the unchanged code violates nothing: a suite that finds
 * fault with everything finds nothing.
 */
import type { Violation } from "../history/history.js";
import type { Mutant, MutantHints, SimulationName } from "./mutant.js";

/** Runs of the simulator, one after the other. */
export interface RunRequest {
  /** Undefined: the code as it is. */
  readonly mutant: string | undefined;
  readonly simulation: SimulationName;
  readonly seeds: readonly number[];
  readonly options: Omit<MutantHints, "seed">;
  /** Real time; what is not done then is left out. */
  readonly budgetMs: number;
}

export interface SeedRun {
  readonly seed: number;
  readonly violations: readonly Violation[];
  readonly digest: string;
  /** Of the cluster; left out where it is not the store that is simulated. */
  readonly members?: number;
}

/**
 * The runs that were made, up to the first that violates something. A run that does not end, or
 * breaks off, violates `run-ends`. Rejects where the mutant could not be put in.
 */
export type Run = (request: RunRequest) => Promise<readonly SeedRun[]>;

/** That a checker was not told enough to judge. It says nothing of the store. */
const INCONCLUSIVE = "history-complete";

/** Those by which a mutant is caught. */
export function conclusive(violations: readonly Violation[]): readonly Violation[] {
  return violations.filter(({ guarantee }) => guarantee !== INCONCLUSIVE);
}

export type Verdict =
  | {
      readonly kind: "caught";
      readonly seed: number;
      readonly guarantee: string;
      readonly text: string;
      readonly members?: number;
    }
  /** `isAlive`: in some run it has changed what happens, and nobody saw that it was wrong. */
  | { readonly kind: "survived"; readonly seeds: number; readonly isAlive: boolean }
  /** Wherever it was found at fault the unchanged code was, too: that says nothing of the mutant. */
  | { readonly kind: "unsound"; readonly seed: number; readonly guarantee: string }
  | { readonly kind: "failed"; readonly error: string };

export interface HuntLimits {
  readonly seeds: number;
  /** Of each series of runs. */
  readonly budgetMs: number;
}

const FIRST_SEED = 1;
/** As long as clients are busy without a pause (traffic/rhythm.ts): more seeds find more than longer runs. */
const SAFETY_MS = 24_000;
/** Runs of the unchanged code that are held against a survivor's. */
const COMPARED_SEEDS = 3;

export async function hunt(mutant: Mutant, run: Run, limits: HuntLimits): Promise<Verdict> {
  const { seed: first = FIRST_SEED, ...options } = mutant.hints;
  const { simulation = "store" } = mutant;
  const request = {
    simulation,
    options: { safetyMs: SAFETY_MS, ...options },
    budgetMs: limits.budgetMs,
  };
  const ask = (who: string | undefined, seeds: readonly number[]): Promise<readonly SeedRun[]> =>
    run({ ...request, mutant: who, seeds });
  let seeds = Array.from({ length: limits.seeds }, (_, i) => first + i);
  let unsound: Verdict | undefined;
  const clean: SeedRun[] = [];
  try {
    for (;;) {
      const runs = await ask(mutant.name, seeds);
      const caught = runs.find(({ violations }) => violations.length > 0);
      clean.push(...runs.filter((one) => one !== caught));
      if (!caught) return unsound ?? (await survived(clean, ask));
      const [control] = await ask(undefined, [caught.seed]);
      if (!control)
        return { kind: "failed", error: "the unchanged code was not run: no time left" };
      const verdict = verdictOf(caught, control);
      if (verdict.kind === "caught") return verdict;
      unsound ??= verdict;
      seeds = seeds.filter((seed) => seed > caught.seed);
    }
  } catch (error) {
    return { kind: "failed", error: error instanceof Error ? error.message : String(error) };
  }
}

function verdictOf({ seed, violations, members }: SeedRun, control: SeedRun): Verdict {
  const [ours] = control.violations;
  if (ours) return { kind: "unsound", seed, guarantee: ours.guarantee };
  const [first] = violations;
  const { guarantee = "", text = "" } = first ?? {};
  return { kind: "caught", seed, guarantee, text, ...(members !== undefined && { members }) };
}

/** A mutant that changes nothing in a run was not reached there: its hints are to blame. */
async function survived(
  runs: readonly SeedRun[],
  ask: (who: string | undefined, seeds: readonly number[]) => Promise<readonly SeedRun[]>,
): Promise<Verdict> {
  const seeds = runs.slice(0, COMPARED_SEEDS).map(({ seed }) => seed);
  const controls = await ask(undefined, seeds);
  const isAlive = controls.some(
    ({ seed, digest }) => runs.find((one) => one.seed === seed)?.digest !== digest,
  );
  return { kind: "survived", seeds: runs.length, isAlive };
}
