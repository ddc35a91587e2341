// @ts-check
/**
 * `npm run bench:start`: how long a cluster takes from nothing to its first answer and to its first
 * Running pod, and what memory each process has then. Both ways of running it, several rounds,
 * medians.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { residentBytes } from "./bench/clusters.mjs";
import { prepare, root } from "./lib/prepare.mjs";

const HELP = `npm run bench:start -- [flags]

  --rounds N       starts of each kind (3)
  --port-offset N  added to every port (31000)`;

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    "port-offset": { type: "string", default: "31000" },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (flags.help) {
  console.log(HELP);
  process.exit(0);
}
prepare();
// Built by now, and not before.
const { connectWithKubeconfig } = await import("@sagong/orchestrator");
const { NODES, PODS } = await import("@sagong/orchestrator/api");
const { realClock } = await import("@sagong/base/real");

const POLL_MS = 10;
const LIMIT_MS = 60_000;
const POD = {
  metadata: { name: "first", namespace: "default" },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [{ name: "main", image: "none", command: ["sleep", "1000"] }],
  },
};

for (const single of [false, true]) {
  /** @type {{ answerMs: number, runningMs: number, memory: [string, number][] }[]} */
  const results = [];
  for (let round = 1; round <= Number(flags.rounds); round++) {
    results.push(await start(single));
    console.error(`round ${round}: first answer ${results.at(-1)?.answerMs.toFixed(0)} ms`);
  }
  const median = (/** @type {number[]} */ values) =>
    values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
  const answer = median(results.map(({ answerMs }) => answerMs));
  const running = median(results.map(({ runningMs }) => runningMs));
  console.log(`\n${single ? "one process (--single)" : "a process for every part"}`);
  console.log(`  first answer of the API server  ${answer.toFixed(0).padStart(6)} ms`);
  console.log(`  first Running pod               ${running.toFixed(0).padStart(6)} ms`);
  const memory = results.at(-1)?.memory ?? [];
  for (const [name, bytes] of memory) {
    console.log(`  ${name.padEnd(31)} ${(bytes / 1024 / 1024).toFixed(0).padStart(6)} MiB`);
  }
  const total = memory.reduce((sum, [, bytes]) => sum + bytes, 0);
  console.log(`  ${"all".padEnd(31)} ${(total / 1024 / 1024).toFixed(0).padStart(6)} MiB\n`);
}

/** @param {boolean} single */
async function start(single) {
  const dataDir = mkdtempSync(`${tmpdir()}/sagong-bench-`);
  const startedMs = performance.now();
  const child = spawn(
    process.execPath,
    [
      `${root}packages/cli/bin/sagong.mjs`,
      "start",
      `--data-dir=${dataDir}`,
      `--port-offset=${flags["port-offset"]}`,
      ...(single ? ["--single"] : []),
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let said = "";
  child.stderr.on("data", (chunk) => {
    said += chunk;
  });
  const exited = once(child, "exit");
  try {
    const kubeconfig = `${dataDir}/kubeconfig`;
    await until(() => existsSync(kubeconfig));
    const { client } = connectWithKubeconfig(kubeconfig, { clock: realClock() });
    await until(() => client.list(NODES).then(() => true));
    const answerMs = performance.now() - startedMs;
    // Namespaces are made in the server's first moments.
    await until(() => client.create(PODS, POD).then(() => true));
    await until(async () => {
      const { status } = await client.get(PODS, POD.metadata);
      return status?.phase === "Running";
    });
    const runningMs = performance.now() - startedMs;
    await client.close();
    return { answerMs, runningMs, memory: memoryOf(dataDir) };
  } catch (error) {
    throw new Error(`the cluster did not start:\n${said}`, { cause: error });
  } finally {
    child.kill("SIGINT");
    await exited;
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** @param {() => boolean | Promise<boolean>} isDone */
async function until(isDone) {
  const end = performance.now() + LIMIT_MS;
  let last;
  while (performance.now() < end) {
    try {
      if (await isDone()) return;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error("not in time", { cause: last });
}

/** @param {string} dataDir @returns {[string, number][]} */
function memoryOf(dataDir) {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        const at = words.findIndex((word) => word.endsWith("sagong.mjs"));
        if (at < 0 || !words.some((word) => word.includes(dataDir))) return [];
        const name = words.find((word) => /^--(node-)?name=/.test(word))?.split("=")[1];
        /** @type {[string, number]} */
        const entry = [`${words[at + 1]}${name ? ` ${name}` : ""}`, residentBytes(Number(pid))];
        return [entry];
      } catch {
        return []; // It ended while we looked.
      }
    });
}
