// @ts-check
/**
 * `npm run simulate:rollout`: Deployments rolled out by the real control plane under virtual time, with
 * restarts, stale caches and lost answers, one run a seed. Exit code 1 where a run breaks a promise;
 * it is then run again with its events kept, and its plan is made shorter.
 */
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { prepare } from "./lib/prepare.mjs";

const HELP = `npm run simulate:rollout -- [flags]

  --seed N     the first seed (1)
  --seeds K    how many, one after the other (1)
  --workers W  threads that they are run on (1)
  --events E   of a run that fails, the last events that are printed (60)
  --check      runs each seed twice, and compares the digests`;

const { values: flags } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    seeds: { type: "string", default: "1" },
    workers: { type: "string", default: "1" },
    events: { type: "string", default: "60" },
    check: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

if (!isMainThread) await work();
else if (flags.help) console.log(HELP);
else process.exitCode = await main();

/** Runs the seeds that are this thread's, and tells of each. */
async function work() {
  const { runRolloutSeeds } = await import("@sagong/robustness");
  const { seeds, isChecked } = workerData;
  for await (const outcome of runRolloutSeeds(seeds, { isChecked })) {
    parentPort?.postMessage(outcome);
  }
}

async function main() {
  prepare();
  // Built by now, and not before.
  const { renderRolloutFailure, RolloutTotals } = await import("@sagong/robustness");
  const { realClock } = await import("@sagong/base/real");
  const clock = realClock();
  const first = Number(flags.seed);
  const seeds = Array.from({ length: Number(flags.seeds) }, (_, i) => first + i);
  const count = Math.min(Number(flags.workers), seeds.length);
  const totals = new RolloutTotals();
  const startedMs = clock.monotonicMs();
  await Promise.all(
    Array.from({ length: count }, (_, index) => {
      const own = seeds.filter((_seed, i) => i % count === index);
      return runWorker(own, (outcome) => totals.add(outcome));
    }),
  );
  console.log(totals.text(clock.monotonicMs() - startedMs));
  const [failed] = totals.failed;
  if (!failed) return 0;
  console.log(await renderRolloutFailure(failed, { keepEvents: Number(flags.events) }));
  return 1;
}

/**
 * @param {readonly number[]} seeds
 * @param {(outcome: import("@sagong/robustness").RolloutOutcome) => void} onOutcome
 * @returns {Promise<void>}
 */
function runWorker(seeds, onOutcome) {
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { seeds, isChecked: flags.check },
    argv: process.argv.slice(2),
  });
  return new Promise((resolve, reject) => {
    worker.on("message", onOutcome);
    worker.on("error", reject);
    worker.on("exit", () => resolve());
  });
}
