// @ts-check
/** The record: as text for a terminal, and as the file that `--json` writes. */
import { readFileSync } from "node:fs";
import { shortNumber } from "./run-suites.mjs";

/** @typedef {import("./summary.mjs").Row} Row */

/** How far our generator may be from h2load and still stand for it. */
const AGREEMENT = 0.1;

/**
 * @typedef {object} Record
 * @property {import("./machine.mjs").Machine} machine
 * @property {{
 *   rounds: number, seconds: number, warmUp?: number, valueBytes: number, keys: number,
 * }} options without `warmUp` it was `seconds`
 * @property {readonly Row[]} rows
 * @property {readonly { load: string, members: number, kind: string, ratio: number }[]} generators
 * @property {readonly string[]} failures what could not be measured, and why
 * @property {readonly import("./run-suites.mjs").Result[]} runs
 */

/** Changes with the record's shape, so that a reader need not guess. */
const FORMAT = "sagong-bench-store/1";

/** What is not known (NaN) is null. @param {Record} record */
export function recordText(record) {
  return `${JSON.stringify({ format: FORMAT, ...record }, undefined, 2)}\n`;
}

/** @param {string} path @returns {Record} */
export function readRecord(path) {
  const record = JSON.parse(readFileSync(path, "utf8"), (_, value) => value ?? Number.NaN);
  if (record.format === FORMAT) return record;
  throw new Error(`Cannot read ${path}: ${record.format}, expected ${FORMAT}`);
}

/** @param {Record} record */
export function reportText({ machine, options, rows, generators, failures }) {
  const { rounds, seconds, warmUp = seconds, valueBytes } = options;
  const lines = [
    `${machine.cores} × ${machine.cpu}, Linux ${machine.kernel}, Node ${machine.node}, etcd ${machine.etcd}; ${machine.date}`,
    `medians of ${rounds} rounds of about ${seconds} s after one of ${warmUp} s; values of ${valueBytes} bytes; ratio: above 1, ours is better;`,
    "CPU: of all members for one operation; client: share of a core that h2load or our generator took;",
    "watch: unpaced, as fast as events are delivered; paced, at the highest rate that all products sustain",
    `large store: ${options.keys.toLocaleString("en")} keys of 64 bytes`,
  ];
  for (const members of new Set(rows.map((row) => row.members))) {
    lines.push("", members === 1 ? "one member" : `${members} members`);
    lines.push(...tableOf(rows.filter((row) => row.members === members)));
  }
  if (generators.length > 0) lines.push("", ...generatorLines(generators));
  for (const failure of failures) lines.push("", `left out: ${failure}`);
  return lines.join("\n");
}

/** @param {readonly Row[]} rows */
function tableOf(rows) {
  const kinds = [...new Set(rows.flatMap(({ values }) => Object.keys(values)))];
  const others = [...new Set(rows.flatMap(({ ratios }) => Object.keys(ratios)))];
  const head = [
    "",
    ...kinds,
    "",
    ...others.map((kind) => `to ${kind}`),
    "goal",
    "p50 ms",
    "p99 ms",
    "CPU µs",
    "client",
  ];
  const body = rows.map((row) => [
    row.title,
    ...kinds.map((kind) => shortNumber(row.values[kind])),
    row.unit,
    ...others.map((kind) => shortNumber(row.ratios[kind])),
    goalText(row),
    ...["p50Ms", "p99Ms", "cpuMicros", "clientCpu"].map((key) =>
      kinds
        .map((kind) => row.details[key]?.[kind])
        .filter((value) => value !== undefined && !Number.isNaN(value))
        .map(shortNumber)
        .join(" / "),
    ),
  ]);
  return alignColumns([head, ...body]);
}

/** @param {Row} row */
function goalText({ goal, limit, unit, isReached }) {
  const mark = isReached === undefined ? "?" : isReached ? "✓" : "✗";
  if (limit !== undefined) return `≤ ${limit} ${unit} ${mark}`;
  return goal === undefined ? "" : `≥ ${goal} ${mark}`;
}

/** The first column to the left, the others to the right. @param {readonly (readonly string[])[]} rows */
function alignColumns(rows) {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}

/** @param {readonly { load: string, members: number, kind: string, ratio: number }[]} generators */
function generatorLines(generators) {
  return generators.map(({ load, members, kind, ratio }) => {
    const differs = Math.abs(ratio - 1) <= AGREEMENT ? "within 10 %" : "NOT within 10 %";
    return `our generator to h2load, ${load}, ${members} × ${kind}: ${ratio.toFixed(2)} (${differs})`;
  });
}
