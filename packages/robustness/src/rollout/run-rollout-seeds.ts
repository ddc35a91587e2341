/**
 * Many runs: one a seed, their sums, and for one that failed a plan that is as short as it can be and
 * what happened in it.
 */
import type { Violation } from "../history/history.js";
import type { TraceEvent } from "../trace/trace.js";
import { planRollout, type RolloutPlan } from "./rollout-plan.js";
import { simulateRollout } from "./simulate-rollout.js";

/** What is kept of a run: plain data, which passes between threads. */
export interface RolloutOutcome {
  readonly seed: number;
  readonly violations: readonly Violation[];
  readonly digest: string;
  readonly simulatedMs: number;
  readonly operations: number;
  readonly faultsByKind: Readonly<Record<string, number>>;
}

export interface RunRolloutSeedsOptions {
  /** Each seed twice: that both runs are one is a guarantee like others. */
  readonly isChecked?: boolean;
}

export async function* runRolloutSeeds(
  seeds: readonly number[],
  { isChecked = false }: RunRolloutSeedsOptions = {},
): AsyncGenerator<RolloutOutcome> {
  for (const seed of seeds) {
    const { violations, digest, simulatedMs, operations, faultsByKind } = await simulateRollout({
      seed,
    });
    const again = isChecked ? (await simulateRollout({ seed })).digest : digest;
    const text = `the run's digest is ${digest}, and ${again} when it is run again`;
    const differs: Violation[] = again === digest ? [] : [{ guarantee: "deterministic", text }];
    const all = [...violations, ...differs];
    yield { seed, violations: all, digest, simulatedMs, operations, faultsByKind };
  }
}

export class RolloutTotals {
  readonly #failed: RolloutOutcome[] = [];
  readonly #faults = new Map<string, number>();
  #seeds = 0;
  #simulatedMs = 0;
  #operations = 0;

  get failed(): readonly RolloutOutcome[] {
    return this.#failed;
  }

  add(outcome: RolloutOutcome): void {
    this.#seeds++;
    this.#simulatedMs += outcome.simulatedMs;
    this.#operations += outcome.operations;
    for (const [kind, count] of Object.entries(outcome.faultsByKind)) {
      this.#faults.set(kind, (this.#faults.get(kind) ?? 0) + count);
    }
    if (outcome.violations.length > 0) this.#failed.push(outcome);
  }

  /** `tookMs` of real time. */
  text(tookMs: number): string {
    const hours = (this.#simulatedMs / 3_600_000).toFixed(2);
    const times = (this.#simulatedMs / tookMs).toFixed(0);
    const width = Math.max(...[...this.#faults.keys()].map((kind) => kind.length), 0);
    const faults = [...this.#faults]
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([kind, count]) => `  ${kind.padEnd(width)}  ${String(count).padStart(6)}`);
    const failed = this.#failed.flatMap(({ seed, violations }) =>
      violations.slice(0, 2).map(({ guarantee, text }) => `seed ${seed}: ${guarantee}: ${text}`),
    );
    return [
      `${this.#seeds} seeds, ${hours} simulated hours, ${times} times real time`,
      `${this.#operations} changes of the store judged; ${this.#failed.length} seeds failed`,
      "changes by users and faults:",
      ...faults,
      ...failed,
    ].join("\n");
  }
}

/** Runs it again, as short as it can be made, with its events kept. */
export async function renderRolloutFailure(
  { seed, violations }: Pick<RolloutOutcome, "seed" | "violations">,
  { keepEvents }: { readonly keepEvents: number },
): Promise<string> {
  const guarantee = violations[0]?.guarantee ?? "";
  const plan = await shrinkRollout(seed, guarantee);
  const { events, violations: left } = await simulateRollout({ seed, plan, keepEvents: 100_000 });
  const first = left.find((one) => one.guarantee === guarantee);
  const until = events.filter(({ atMs }) => atMs <= (first?.atMs ?? Number.POSITIVE_INFINITY));
  const { steps, ...size } = plan;
  return [
    `seed ${seed} as short as it can be made: ${steps.length} steps`,
    JSON.stringify(size),
    ...steps.map((step) => `  ${JSON.stringify(step)}`),
    ...until.slice(-keepEvents).map(lineOf),
    `${guarantee}: ${first?.text ?? "not seen again: the run does not follow from its seed"}`,
  ].join("\n");
}

/** Leaves out every step without which the same guarantee is broken still. */
export async function shrinkRollout(seed: number, guarantee: string): Promise<RolloutPlan> {
  let plan = planRollout(seed);
  let isShorter = true;
  while (isShorter) {
    isShorter = false;
    for (let i = plan.steps.length - 1; i >= 0; i--) {
      const shorter = { ...plan, steps: plan.steps.filter((_, at) => at !== i) };
      const { violations } = await simulateRollout({ seed, plan: shorter });
      if (!violations.some((one) => one.guarantee === guarantee)) continue;
      plan = shorter;
      isShorter = true;
    }
  }
  return plan;
}

function lineOf({ atMs, kind, who = "", text }: TraceEvent): string {
  return `${atMs.toFixed(0).padStart(8)}  ${kind.padEnd(9)}  ${who.padEnd(20)}  ${text}`;
}
