// @ts-check
/**
 * A process that runs the simulator with a mutant in it, or without. Its one argument is a request as
 * JSON (`RunRequest` in packages/robustness/src/mutants/hunt.ts); each run is a line of JSON on
 * stdout. Ends after the first run that violates something. Exit code 2: the mutant is not in.
 */
import module from "node:module";
import { pathToFileURL } from "node:url";
import { root } from "../lib/prepare.mjs";

/** @typedef {import("../../packages/robustness/dist/mutants/hunt.js").RunRequest} RunRequest */

const dist = `${root}packages/robustness/dist/`;
/** @type {RunRequest} */
const { mutant, simulation, seeds, options, budgetMs } = JSON.parse(process.argv[2] ?? "");
if (mutant !== undefined) {
  const loader = pathToFileURL(`${dist}mutants/mutant-loader.js`);
  loader.searchParams.set("mutant", mutant);
  module.register(loader.href);
}
// Only now: everything that is imported from here on goes through the loader.
const simulate = await simulationOf().catch(refuse);
const { conclusive } = await import("../../packages/robustness/dist/mutants/hunt.js");
const { MUTANT_MARK } = await import("../../packages/robustness/dist/mutants/mutant-loader.js");
const found = Reflect.get(globalThis, Symbol.for(MUTANT_MARK));
if (found !== mutant) {
  refuse(new Error(`Cannot run the mutant ${mutant}: no file of the simulation was changed by it`));
}
const startMs = performance.now();
for (const seed of seeds) {
  if (performance.now() - startMs > budgetMs) break;
  const result = await simulate({ ...options, seed }).catch(brokeOff);
  const violations = conclusive(result.violations);
  const { digest } = result;
  const members = "members" in result ? result.members.length : undefined;
  console.log(JSON.stringify({ seed, violations: violations.slice(0, 1), digest, members }));
  if (violations.length > 0) break;
}
process.exit(0);

async function simulationOf() {
  if (simulation === "rollout") {
    return (await import("../../packages/robustness/dist/rollout/simulate-rollout.js"))
      .simulateRollout;
  }
  return (await import("../../packages/robustness/dist/simulation/simulate.js")).simulate;
}

/** @param {unknown} error */
function brokeOff(error) {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    violations: [{ guarantee: "run-ends", text: `the run broke off: ${text}` }],
    digest: "",
  };
}

/**
 * @param {unknown} error
 * @returns {never}
 */
function refuse(error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(2);
}
