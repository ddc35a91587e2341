// @ts-check
/**
 * The load generator's process: takes jobs from its parent one after the other, and answers each
 * with its result and the CPU that it took. It ends with its parent.
 */
import { runCalls } from "./run-calls.mjs";
import { runKeepAlives } from "./run-keep-alives.mjs";
import { runWatch } from "./run-watch.mjs";

/**
 * @typedef {object} Jobs what may be asked for, and what is answered
 * @property {{ job: import("./run-calls.mjs").CallsJob, result: import("./run-calls.mjs").CallsResult }} calls
 * @property {{ job: import("./run-keep-alives.mjs").KeepAlivesJob, result: import("./run-keep-alives.mjs").KeepAlivesResult }} keepAlives
 * @property {{ job: import("./run-watch.mjs").WatchJob, result: import("./run-watch.mjs").WatchResult }} watch
 */

/** @typedef {Jobs[keyof Jobs]["job"]} Job */

process.on("message", (/** @type {{ id: number, job: Job }} */ { id, job }) => {
  const cpuBefore = process.cpuUsage();
  const began = performance.now();
  run(job).then(
    (result) => {
      const { user, system } = process.cpuUsage(cpuBefore);
      const clientCpu = (user + system) / 1_000 / (performance.now() - began);
      process.send?.({ id, result: { ...result, clientCpu } });
    },
    (error) => {
      process.send?.({ id, error: error instanceof Error ? error.message : String(error) });
    },
  );
});
process.once("disconnect", () => process.exit());

/** @param {Job} job */
function run(job) {
  switch (job.type) {
    case "calls":
      return runCalls(job);
    case "keepAlives":
      return runKeepAlives(job);
    case "watch":
      return runWatch(job);
    default:
      return Promise.reject(new Error(`Cannot run a job of type ${JSON.stringify(job)}`));
  }
}
