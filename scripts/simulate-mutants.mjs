// @ts-check
/**
 * `npm run simulate:mutants`: the suite's own test. Each mutant (a known mistake, put into the real
 * code when a process loads it) is run under the simulator until a guarantee catches it. Exit code 1
 * where one survives. `--help` for flags.
 */
import { writeFileSync } from "node:fs";
import module from "node:module";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { prepare } from "./lib/prepare.mjs";

const HELP = `npm run simulate:mutants -- [flags]

  --only NAME,…   these mutants, instead of all
  --list          the mutants, their classes and mistakes
  --seeds K       at most so many runs for each (default 60)
  --minutes M     at most so long for each, real time (default 1)
  --jobs N        so many at a time (default: processors)
  --no-build      the code is built already
  --markdown FILE writes the table there, too
`;

const { values: flags } = parseArgs({
  options: {
    only: { type: "string" },
    list: { type: "boolean", default: false },
    seeds: { type: "string", default: "60" },
    minutes: { type: "string", default: "1" },
    jobs: { type: "string", default: String(availableParallelism()) },
    "no-build": { type: "boolean", default: false },
    markdown: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (flags.help) {
  console.log(HELP);
  process.exit(0);
}
if (typeof module.register !== "function") {
  console.error(
    `Cannot put mutants into a process: Node ${process.versions.node} has no module.register, expected 20.6 or newer`,
  );
  process.exit(2);
}
if (!flags["no-build"]) prepare();
// Built by now, and not before.
const { MUTANTS, mutantNamed } = await import("../packages/robustness/dist/mutants/catalogue.js");
const { ETCD_NOT_COVERED } = await import("../packages/robustness/dist/mutants/etcd-mutants.js");
const { hunt } = await import("../packages/robustness/dist/mutants/hunt.js");
const { renderHunted } = await import("../packages/robustness/dist/mutants/hunt-table.js");
const { renderMarkdown } = await import("../packages/robustness/dist/mutants/hunt-markdown.js");
const { mutantProcesses } = await import("./mutants/mutant-processes.mjs");

const mutants = chosenMutants();
if (flags.list) {
  for (const mutant of mutants) {
    console.log(`${mutant.name.padEnd(42)}${mutant.class.padEnd(22)}${mutant.mistake}`);
  }
  for (const one of ETCD_NOT_COVERED) {
    console.log(`${"(not covered)".padEnd(42)}${one.class.padEnd(22)}${one.reason}`);
  }
  process.exit(0);
}
const limits = { seeds: count("seeds"), budgetMs: count("minutes") * 60_000 };
const hunted = await huntAll(count("jobs"));
console.log(renderHunted(hunted));
if (flags.markdown !== undefined) {
  writeFileSync(flags.markdown, renderMarkdown(hunted, ETCD_NOT_COVERED));
}
for (const { class: name, reason } of ETCD_NOT_COVERED)
  console.log(`not covered: ${name}: ${reason}`);
process.exit(hunted.every(({ verdict }) => verdict.kind === "caught") ? 0 : 1);

function chosenMutants() {
  if (flags.only === undefined) return MUTANTS;
  try {
    return flags.only.split(",").map(mutantNamed);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(2);
  }
}

/** @param {"seeds" | "minutes" | "jobs"} flag */
function count(flag) {
  const value = Number(flags[flag]);
  if (value > 0) return value;
  console.error(`Cannot take --${flag} ${flags[flag]}: expected a number above 0`);
  process.exit(2);
}

/**
 * In the order of the list, whoever is done first.
 *
 * @param {number} jobs
 */
async function huntAll(jobs) {
  /** @type {import("../packages/robustness/dist/mutants/hunt-table.js").Hunted[]} */
  const done = [];
  const run = mutantProcesses();
  let next = 0;
  const work = async () => {
    for (let at = next++; at < mutants.length; at = next++) {
      const mutant = /** @type {(typeof mutants)[number]} */ (mutants[at]);
      const startMs = performance.now();
      const verdict = await hunt(mutant, run, limits);
      const tookMs = performance.now() - startMs;
      done[at] = { mutant, verdict, tookMs };
      const how =
        verdict.kind === "caught"
          ? `caught by ${verdict.guarantee} in seed ${verdict.seed}`
          : verdict.kind;
      console.error(
        `${at + 1}/${mutants.length} ${mutant.name}: ${how}, ${(tookMs / 1000).toFixed(1)} s`,
      );
      if (verdict.kind === "caught") console.error(`    ${verdict.text.split("\n")[0]}`);
      if (verdict.kind === "failed") console.error(`    ${verdict.error}`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return done;
}
