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
  const kinds = clusters.map(({ kind }) => kind);
  const others = kinds.filter((kind) => kind !== "sagong" && kinds.includes("sagong"));
  const rows = [
    [
      "load",
      ...kinds.map((kind) => `${kind}/s`),
      ...others.map((kind) => `to ${kind}`),
      ...kinds.map((kind) => `${kind} ms`),
      ...kinds.map((kind) => `${kind} CPU µs`),
    ],
  ];
  for (const { name } of loads) {
    /** @param {string} kind @param {"perSecond" | "meanMs" | "cpuMicros"} what */
    const of = (kind, what) =>
      median(
        results.filter((one) => one.kind === kind && one.load === name).map((one) => one[what]),
      );
    /** The median of the rounds' ratios: what else the machine does changes from round to round. */
    const ratioTo = (/** @type {string} */ other) => {
      const rate = (/** @type {string} */ kind, /** @type {number} */ round) =>
        results.find((one) => one.kind === kind && one.load === name && one.round === round)
          ?.perSecond ?? Number.NaN;
      return median(
        Array.from({ length: rounds }, (_, i) => rate("sagong", i + 1) / rate(other, i + 1)),
      );
    };
    rows.push([
      name,
      ...kinds.map((kind) => cell(of(kind, "perSecond"), 0)),
      ...others.map((kind) => cell(ratioTo(kind), 2)),
      ...kinds.map((kind) => cell(of(kind, "meanMs"), 2)),
      ...kinds.map((kind) => cell(of(kind, "cpuMicros"), 0)),
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
