// @ts-check
/**
 * `npm run bench:store`: three members of ours and three of Debian's etcd, one cluster at a time
 * under the same load by h2load, several rounds in alternation; medians and their ratio. Both have
 * fsync on, the same flags, and their data on the same disk.
 *
 * h2load knows HTTP only, and a refused gRPC call is HTTP 200 too. So each run is held against the
 * store afterwards: puts against the advance of its revision, reads against the bytes that came.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { isOnPath, readFlags } from "./bench/flags.mjs";
import { Cluster, freePorts } from "./bench/clusters.mjs";
import { measure } from "./bench/measure.mjs";
import { printReport } from "./bench/report.mjs";
import { prepare } from "./lib/prepare.mjs";

/** A change of leader spoils a run, which is then made again, this often. */
const ATTEMPTS = 3;

const flags = readFlags(process.argv.slice(2));
if (!isOnPath("h2load")) {
  console.error(
    "bench:store needs h2load to make the load: install nghttp2-client (Debian) or nghttp2 (Homebrew)",
  );
  process.exit(1);
}
if (flags.build) prepare();
// Built by now, and not before.
const { loadsOf } = await import("./bench/loads.mjs");
const loads = loadsOf(flags);

mkdirSync(flags.dataDir ?? tmpdir(), { recursive: true });
const folder = mkdtempSync(`${flags.dataDir ?? tmpdir()}/sagong-bench-`);
/** @type {import("./bench/report.mjs").Result[]} */
const results = [];
/** @type {Cluster[]} */
const clusters = [];
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
  process.once(signal, () => void cleanUp().then(() => process.exit(1)));
}
try {
  for (const kind of kinds()) {
    console.error(`starting ${flags.members} members of ${kind}`);
    const ports = await freePorts(2 * flags.members);
    const cluster = new Cluster(kind, {
      folder,
      ports,
      profile: kind === "sagong" ? flags.profile : undefined,
      ...(kind === "before" && flags.before !== undefined ? { checkout: flags.before } : {}),
    });
    clusters.push(cluster);
    await cluster.ready();
  }
  // Round 0 is not counted: code is compiled, files and tables get their size.
  for (let round = 0; round <= flags.rounds; round++) {
    for (const load of loads) {
      // Whoever comes second finds the machine as the first one left it: they take turns.
      const order = round % 2 === 1 ? clusters : clusters.toReversed();
      for (const cluster of order) {
        const result = await run(cluster, load, round);
        if (round > 0) results.push(result);
      }
    }
  }
  printReport(results, { loads, clusters, ...flags });
  if (flags.json) writeFileSync(flags.json, `${JSON.stringify(results, undefined, 2)}\n`);
} finally {
  await cleanUp();
}

function kinds() {
  /** @type {import("./bench/clusters.mjs").Kind[]} */
  const all = flags.only === undefined ? ["sagong", "etcd"] : [flags.only];
  if (flags.before !== undefined) all.push("before");
  if (all.includes("etcd") && !isOnPath("etcd")) {
    console.error("etcd is not on the PATH (Debian: etcd-server): measuring ours alone");
    return all.filter((kind) => kind !== "etcd");
  }
  return all;
}

/**
 * @param {Cluster} cluster
 * @param {import("./bench/loads.mjs").Load} load
 * @param {number} round
 */
async function run(cluster, load, round) {
  for (let attempt = 1; ; attempt++) {
    try {
      const result = await measure(cluster, load, { seconds: flags.seconds, folder });
      console.error(
        [
          `round ${round}`,
          load.name.padEnd(24),
          cluster.kind.padEnd(7),
          `${result.perSecond.toFixed(0).padStart(6)}/s`,
          `mean ${result.meanMs.toFixed(2).padStart(7)} ms`,
          `members' CPU ${result.cpuMicros.toFixed(0).padStart(5)} µs each`,
        ].join("  "),
      );
      return { kind: cluster.kind, load: load.name, round, ...result };
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      console.error(`again, because ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

async function cleanUp() {
  await Promise.all(clusters.map((cluster) => cluster.stop()));
  rmSync(folder, { recursive: true, force: true });
}
