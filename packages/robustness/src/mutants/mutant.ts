/**
 * A mutant is the real code with one mistake put in: the suite must find it, or the suite is blind
 * there. It is data: texts that are replaced in one compiled file, when a process loads it
 * (`mutant-loader.ts`). No file is changed, and no other process sees it.
 */

import type { Guarantee } from "../check/guarantees.js";
import type { MemberFlags } from "../member/simulated-member.js";
import type { ScheduledFault } from "../simulation/simulation.js";
import type { TrafficProfile } from "../traffic/profile.js";
import type { RolloutGuarantee } from "../rollout/rollout-guarantees.js";

/** What checkers of histories and members know, and what a simulation itself sees. */
export type Promised =
  | Guarantee
  | RolloutGuarantee
  | "no-crash"
  | "liveness"
  | "progress-after-heal"
  | "members-equal";

/** An issue of etcd whose class of bug it re-creates, or a class that we have chosen. */
export type MutantClass = `etcd #${string}` | `own: ${string}`;

export interface Mutant {
  /** In kebab-case: for `--only`, and in reports. */
  readonly name: string;
  readonly class: MutantClass;
  /** The mistake, in a sentence that says what the code does now. */
  readonly mistake: string;
  /** The source, from the repository's root: `packages/<name>/src/….ts`. */
  readonly file: string;
  /** One mistake, though it may show in several lines of one file. */
  readonly edits: readonly Edit[];
  /** Guarantees that may catch it; anything else that does is a surprise worth a look. */
  readonly expects: readonly Promised[];
  readonly hints: MutantHints;
  /** Whose runs are to find it; left out: those of the store. */
  readonly simulation?: SimulationName;
}

/** `rollout`: the orchestrator's (simulate-rollout.ts). */
export type SimulationName = "store" | "rollout";

export interface Edit {
  /** Of the compiled JavaScript, which keeps the code and drops the types. Occurs exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** Runs in which the mistake is likely to matter. Left out: the simulator's own choice. */
export interface MutantHints {
  readonly members?: 1 | 3 | 5;
  /** Of the safety phase. */
  readonly safetyMs?: number;
  /** Groups or names of the catalogue of faults. */
  readonly faults?: readonly string[];
  /** Instead of faults by chance: where the mistake needs them in an order of their own. */
  readonly schedule?: readonly ScheduledFault[];
  readonly profile?: TrafficProfile;
  readonly flags?: MemberFlags;
  /** The first seed to try: one that has caught it before. */
  readonly seed?: number;
}

/** Where the compiler puts `file`, from the repository's root. */
export function compiledPathOf({ file }: Pick<Mutant, "file">): string {
  return file.replace(/^(packages\/[^/]+)\/src\//, "$1/dist/").replace(/\.ts$/, ".js");
}

/** The compiled code with the mistake in it. Throws where a text is not there exactly once. */
export function mutate(code: string, { name, file, edits }: Mutant): string {
  let mutated = code;
  for (const { find, replace } of edits) {
    // Counted in what is there at the start: an edit must not find what another has put in.
    const count = code.split(find).length - 1;
    if (count !== 1) {
      throw new Error(
        `Cannot make the mutant ${name}: its text is ${count} times in ${file} as compiled, expected once: ${find}`,
      );
    }
    mutated = mutated.replace(find, () => replace);
  }
  return mutated;
}
