// @ts-check
/**
 * `npm run bench:growth`: whether a store grows while its keys are written over and over and the
 * past is compacted, as it should not. Puts at a steady rate, a compaction every ten seconds; each
 * minute the members' resident memory and the size of their databases.
 *
 * Growth is the median of the last quarter to that of the second: in the first, caches fill.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { Cluster, freePorts } from "./bench/clusters.mjs";
import { SteadyWriter } from "./bench/steady-writer.mjs";
import { prepare } from "./lib/prepare.mjs";

const HELP = `npm run bench:growth -- [flags]

  --minutes N   how long (60)
  --rate N      puts a second (1000)
  --keys N      keys that are written over in turn (10000)
  --members N   1 or 3 (1)
  --etcd        Debian's etcd instead of ours
  --limit N     growth in percent from which on it fails (5)
  --json FILE   all samples

Examples:
  npm run bench:growth -- --minutes 10 --rate 5000
  npm run bench:growth -- --members 3 --json growth.json`;

const TICK_MS = 20;
const COMPACT_EVERY_MS = 10_000;
const SAMPLE_EVERY_MS = 60_000;
const MIB = 1024 * 1024;
const WIDTH = 15;

const { values: flags } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    rate: { type: "string", default: "1000" },
    keys: { type: "string", default: "10000" },
    members: { type: "string", default: "1" },
    limit: { type: "string", default: "5" },
    etcd: { type: "boolean", default: false },
    json: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (flags.help) {
  console.log(HELP);
  process.exit(0);
}
const minutes = positive("minutes", flags.minutes, { isWhole: false });
const rate = positive("rate", flags.rate);
const keys = positive("keys", flags.keys);
const members = positive("members", flags.members);
const limit = positive("limit", flags.limit, { isWhole: false });
prepare();
// Built by now, and not before.
const { createStoreClient } = await import("@sagong/kv/client");
const { realClock } = await import("@sagong/base/real");

/** @typedef {{ minute: number, puts: number, residentMiB: number, databaseMiB: number }} Sample */

const folder = mkdtempSync(`${tmpdir()}/sagong-growth-`);
const cluster = new Cluster(flags.etcd ? "etcd" : "sagong", {
  folder,
  ports: await freePorts(2 * members),
  profile: undefined,
  flags: { snapshotCount: 10_000, logLevel: "error" },
});
/** @type {Sample[]} */
const samples = [];
cluster.start();
try {
  await cluster.ready();
  await run();
} finally {
  await cluster.remove();
  rmSync(folder, { recursive: true, force: true });
}
if (flags.json)
  writeFileSync(flags.json, `${JSON.stringify({ ...flags, samples }, undefined, 2)}\n`);
judge();

async function run() {
  const clients = cluster.endpoints.map((endpoint) =>
    createStoreClient({ endpoints: [endpoint] }, { clock: realClock() }),
  );
  const [first] = clients;
  if (!first) throw new Error("a cluster without members");
  const writer = new SteadyWriter(first, keys);
  const startMs = performance.now();
  let [compactedMs, sampledMs] = [0, 0];
  printRow(["minute", "puts", "resident MiB", "database MiB"]);
  for (let nowMs = 0; nowMs < minutes * 60_000; nowMs = performance.now() - startMs) {
    writer.catchUpWith(Math.floor((nowMs / 1_000) * rate));
    if (nowMs - compactedMs >= COMPACT_EVERY_MS) {
      compactedMs = nowMs;
      await first.compact({ revision: writer.revision });
    }
    if (nowMs - sampledMs >= SAMPLE_EVERY_MS) {
      sampledMs = nowMs;
      await sample(clients, { minute: Math.round(nowMs / 60_000), puts: writer.done });
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  await Promise.all(clients.map((client) => client.close()));
}

/**
 * @param {readonly import("@sagong/kv/client").StoreClient[]} clients
 * @param {{ minute: number, puts: number }} progress
 */
async function sample(clients, { minute, puts }) {
  const answers = await Promise.all(clients.map((client) => client.status()));
  const inMiB = (/** @type {readonly number[]} */ bytes) => bytes.reduce((a, b) => a + b, 0) / MIB;
  const residentMiB = inMiB(cluster.residentBytes);
  const databaseMiB = inMiB(answers.map(({ dbSize }) => dbSize));
  samples.push({ minute, puts, residentMiB, databaseMiB });
  printRow([minute, puts, residentMiB.toFixed(0), databaseMiB.toFixed(1)]);
}

/** @param {readonly unknown[]} columns */
function printRow(columns) {
  console.log(columns.map((column) => String(column).padStart(WIDTH)).join(""));
}

function judge() {
  const quarter = (
    /** @type {number} */ n,
    /** @type {"residentMiB" | "databaseMiB"} */ figure,
  ) => {
    const from = Math.floor(((n - 1) * samples.length) / 4);
    const part = samples.slice(from, Math.floor((n * samples.length) / 4));
    const sorted = part.map((sample) => sample[figure]).toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  };
  if (samples.length < 4) return console.log("too short to tell: four minutes are the least");
  let fails = false;
  for (const figure of /** @type {const} */ (["residentMiB", "databaseMiB"])) {
    const [before, after] = [quarter(2, figure), quarter(4, figure)];
    const percent = (after / before - 1) * 100;
    console.log(`${figure}: ${before.toFixed(1)} → ${after.toFixed(1)}, ${percent.toFixed(1)} %`);
    if (figure === "residentMiB") fails = percent > limit;
  }
  if (fails) {
    console.error(`Resident memory has grown by more than ${limit} %`);
    process.exitCode = 1;
  }
}

/** @param {string} name @param {string} text @param {{ isWhole: boolean }} kind */
function positive(name, text, { isWhole } = { isWhole: true }) {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value) && (!isWhole || Number.isInteger(value))) return value;
  console.error(`--${name}=${text}: expected a ${isWhole ? "whole " : ""}number above 0`);
  process.exit(2);
}
