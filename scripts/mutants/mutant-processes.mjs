// @ts-check
/** Runs of the simulator in processes of their own, so that each has its own mutant. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/**
 * @typedef {import("../../packages/robustness/dist/mutants/hunt.js").RunRequest} RunRequest
 * @typedef {import("../../packages/robustness/dist/mutants/hunt.js").SeedRun} SeedRun
 */

/** A run takes seconds; one that does not come to an end is given up. */
const RUN_MS_MAX = 120_000;
const CHILD = fileURLToPath(new URL("run-seeds.mjs", import.meta.url));
/** Of what a process writes to stderr, the last so many characters are kept for its error. */
const STDERR_MAX = 4_000;

/**
 * Of the code as it is a run is made once, whoever asks for it: many mutants share their options.
 *
 * @returns {(request: RunRequest) => Promise<SeedRun[]>}
 */
export function mutantProcesses() {
  /** @type {Map<string, Promise<SeedRun[]>>} */
  const controls = new Map();
  return async (request) => {
    if (request.mutant !== undefined) return await runInProcess(request);
    /** @type {SeedRun[]} */
    const runs = [];
    for (const seed of request.seeds) {
      const name = JSON.stringify([request.simulation, request.options, seed]);
      const known = controls.get(name) ?? runInProcess({ ...request, seeds: [seed] });
      controls.set(name, known);
      runs.push(...(await known));
    }
    return runs;
  };
}

/**
 * @param {RunRequest} request
 * @returns {Promise<SeedRun[]>}
 */
function runInProcess(request) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CHILD, JSON.stringify(request)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    /** @type {SeedRun[]} */
    const runs = [];
    let stderr = "";
    let hangs = false;
    const timer = setTimeout(() => {
      hangs = true;
      child.kill("SIGKILL");
    }, RUN_MS_MAX);
    child.stderr.setEncoding("utf8").on("data", (chunk) => {
      stderr = (stderr + chunk).slice(-STDERR_MAX);
    });
    createInterface({ input: child.stdout }).on("line", (line) => {
      timer.refresh();
      runs.push(JSON.parse(line));
    });
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      if (code === 2) return reject(new Error(stderr.trim()));
      if (code !== 0) runs.push(lastRun(request, runs, { hangs, stderr }));
      resolve(runs);
    });
  });
}

/**
 * Of a process that did not come to its end.
 *
 * @param {RunRequest} request
 * @param {readonly SeedRun[]} runs
 * @param {{ hangs: boolean, stderr: string }} end
 * @returns {SeedRun}
 */
function lastRun({ seeds }, runs, { hangs, stderr }) {
  const why = hangs ? `it did not end in ${RUN_MS_MAX / 1000} s` : `it died: ${stderr.trim()}`;
  return {
    seed: seeds[runs.length] ?? 0,
    violations: [{ guarantee: "run-ends", text: `the run broke off: ${why}` }],
    digest: "",
  };
}
