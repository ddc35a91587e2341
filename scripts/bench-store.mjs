// @ts-check
/**
 * `npm run bench:store`: ours and Debian's etcd side by side, one cluster at a time under the same
 * load, in alternation; medians, ratios, and what issue 3 asks for. Both have fsync on, the same
 * flags, and their data on the same disk. Flags: `--help`; loads: `--list`.
 *
 * Every run is held against the store afterwards: a run that lost, refused or invented anything is
 * made again, and after a few times ends the benchmark.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { HELP, isOnPath, readFlags } from "./bench/flags.mjs";
import { prepare } from "./lib/prepare.mjs";

const flags = readFlagsOrExit();
if (flags.action === "help") {
  console.log(HELP);
  process.exit(0);
}
if (flags.build) prepare();
// Built by now, and not before.
const { ALL_LOADS, chooseLoads } = await import("./bench/loads/all-loads.mjs");
const { Bench } = await import("./bench/run-suites.mjs");
const { compareGenerators, summarize } = await import("./bench/summary.mjs");
const { machineFacts } = await import("./bench/machine.mjs");
const { readRecord, recordText, reportText } = await import("./bench/report.mjs");
const { chartSvg } = await import("./bench/chart.mjs");

if (flags.action === "list") {
  for (const { name, title } of ALL_LOADS) console.log(`${name.padEnd(36)}${title}`);
  process.exit(0);
}
if (flags.from !== undefined) {
  show(readRecord(flags.from));
  process.exit(0);
}
if (!isOnPath("h2load")) {
  refuse("h2load is not on the PATH: `npm run tools` installs it (Debian), or nghttp2 (Homebrew)");
}
const loads = chooseLoadsOrExit();
const kinds = kindsOf();
const dataDir = flags.dataDir ?? tmpdir();
mkdirSync(dataDir, { recursive: true });
const folder = mkdtempSync(`${dataDir}/sagong-bench-`);
const bench = new Bench(flags, kinds, folder);
// However it ends, it leaves no process and no folder: the reader of its output may go, too.
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
  process.once(signal, leave);
}
process.stdout.on("error", leave);
process.stderr.on("error", leave);
try {
  const date = flags.date ?? new Date().toISOString().slice(0, 10);
  const machine = machineFacts({ date, folder });
  await bench.run(loads);
  const { rounds, seconds, warmUp, valueBytes, keys } = flags;
  show({
    machine,
    options: { rounds, seconds, warmUp, valueBytes, keys },
    rows: summarize(bench.results, loads),
    generators: compareGenerators(bench.results),
    failures: bench.failures,
    runs: bench.results,
  });
  if (bench.failures.length > 0) process.exitCode = 1;
} catch (error) {
  // Interrupted: the processes that were ended meanwhile are no fault.
  if (!bench.isEnding) throw error;
} finally {
  await cleanUp();
}

/** @param {import("./bench/report.mjs").Record} record */
function show(record) {
  console.log(`\n${reportText(record)}`);
  if (flags.json !== undefined) writeFileSync(flags.json, recordText(record));
  if (flags.chart !== undefined) writeFileSync(flags.chart, chartSvg(record.rows, record.machine));
}

function readFlagsOrExit() {
  try {
    return readFlags(process.argv.slice(2));
  } catch (error) {
    return refuse(`${error instanceof Error ? error.message : String(error)} (see --help)`);
  }
}

function chooseLoadsOrExit() {
  try {
    return chooseLoads(ALL_LOADS, flags);
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function kindsOf() {
  /** @type {import("./bench/clusters.mjs").Kind[]} */
  const all = flags.product === undefined ? ["sagong", "etcd"] : [flags.product];
  if (flags.before !== undefined) all.push("before");
  if (!all.includes("etcd") || isOnPath("etcd")) return all;
  if (flags.product === "etcd") refuse("etcd is not on the PATH: `npm run tools` installs it");
  console.error("etcd is not on the PATH (`npm run tools`): measuring ours alone");
  return all.filter((kind) => kind !== "etcd");
}

/** @param {string} why @returns {never} */
function refuse(why) {
  console.error(`bench:store: ${why}`);
  process.exit(2);
}

function leave() {
  void cleanUp().then(() => process.exit(1));
}

async function cleanUp() {
  await bench.end();
  rmSync(folder, { recursive: true, force: true });
}
