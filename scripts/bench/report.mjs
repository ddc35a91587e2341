// @ts-check
/** The table of medians at the end of a benchmark. */

/**
 * @typedef {object} Result one run
 * @property {import("./clusters.mjs").Kind} kind
 * @property {string} load
 * @property {number} round
 * @property {number} requests
 * @property {number} perSecond
 * @property {number} meanMs
 * @property {number} cpuMicros of all members together, for one request; NaN where not known
 */

/**
 * @param {readonly Result[]} results
 * @param {{
 *   loads: readonly import("./loads.mjs").Load[],
 *   clusters: readonly import("./clusters.mjs").Cluster[],
 *   rounds: number, members: number, valueBytes: number,
 * }} options
 */
export function printReport(results, { loads, clusters, rounds, members, valueBytes }) {
  console.log(
    `\n${members} members, values of ${valueBytes} bytes, medians of ${rounds} rounds; CPU is that of all members for one request\n`,
  );
  const rows = [
    ["load", "sagong/s", "etcd/s", "ratio", "sagong ms", "etcd ms", "sagong CPU µs", "etcd CPU µs"],
  ];
  for (const { name } of loads) {
    /** @param {string} kind @param {"perSecond" | "meanMs" | "cpuMicros"} what */
    const of = (kind, what) =>
      median(
        results.filter((one) => one.kind === kind && one.load === name).map((one) => one[what]),
      );
    rows.push([
      name,
      cell(of("sagong", "perSecond"), 0),
      cell(of("etcd", "perSecond"), 0),
      cell(of("sagong", "perSecond") / of("etcd", "perSecond"), 2),
      cell(of("sagong", "meanMs"), 2),
      cell(of("etcd", "meanMs"), 2),
      cell(of("sagong", "cpuMicros"), 0),
      cell(of("etcd", "cpuMicros"), 0),
    ]);
  }
  for (const [name = "", ...cells] of rows) {
    console.log(name.padEnd(24) + cells.map((text) => text.padStart(15)).join(""));
  }
  console.log("");
  for (const { kind, residentBytes } of clusters) {
    const mebibytes = residentBytes / 1024 / 1024;
    console.log(`resident memory of all ${kind} members: ${cell(mebibytes, 0)} MiB`);
  }
}

/** @param {number[]} values */
function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}

/** @param {number} value @param {number} digits */
function cell(value, digits) {
  return Number.isNaN(value) ? "-" : value.toFixed(digits);
}
