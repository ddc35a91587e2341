/**
 * What many runs showed, in figures: seeds, simulated time and how much faster than the real it was,
 * operations that were checked, faults by kind, mutants caught. `summarize()` gives it as plain data
 * (which is also the report in JSON), `renderSummary()` as aligned text.
 */
import type { Violation } from "../history/history.js";
import { cleanText, fitText, textWidth } from "./clean-text.js";

/** Of one run. */
export interface RunResult {
  readonly seed: number | bigint | string;
  readonly violations: readonly Violation[];
  readonly simulatedMs: number;
  /** Operations of clients that checkers judged. */
  readonly operations: number;
  /** How often each fault struck, by `group/name`. */
  readonly faultsByKind: Readonly<Record<string, number>>;
  /** How many of them met operations of clients. */
  readonly faultsMet: number;
  /** Of processors; a process of its own measures it. */
  readonly cpuMs: number;
}

export interface FoundMutant {
  readonly name: string;
  /** Undefined: it lived. */
  readonly caughtBy: { readonly seed: string; readonly guarantee: string } | undefined;
  /** Real time until it was caught, or given up. */
  readonly tookMs: number;
}

/** Of many runs; plain data, as the report in JSON has it. */
export interface Summary {
  readonly seeds: number;
  readonly simulatedHours: number;
  readonly realSeconds: number;
  /** Of processors, by the runs themselves. */
  readonly cpuSeconds: number;
  /** Simulated time by a core's: what one core does, however many worked. */
  readonly timesRealTime: number;
  readonly operations: number;
  readonly operationsPerCpuSecond: number;
  readonly faults: number;
  /** Of the faults, how many met operations of clients. */
  readonly faultsMet: number;
  readonly faultsByKind: Readonly<Record<string, number>>;
  readonly violations: readonly FoundViolation[];
  readonly mutants: readonly FoundMutant[];
  /** Faults of the matrix that are not there yet, and why. */
  readonly notCovered: readonly { readonly name: string; readonly reason: string }[];
}

export interface FoundViolation {
  readonly seed: string;
  readonly guarantee: string;
  readonly text: string;
}

export interface SummaryOptions {
  /** How long the runs took together, by a real clock. */
  readonly realMs: number;
  readonly mutants?: readonly FoundMutant[];
  readonly notCovered?: Summary["notCovered"];
}

/** Of what is violated more often, the others are counted only. */
const VIOLATIONS_SHOWN_MAX = 20;
const TEXT_COLUMNS = 100;

/** Goes over the results once, so that they may come from a generator and need not be kept. */
export function summarize(results: Iterable<RunResult>, options: SummaryOptions): Summary {
  const { realMs, mutants = [], notCovered = [] } = options;
  const faultsByKind = new Map<string, number>();
  const violations: FoundViolation[] = [];
  let [seeds, simulatedMs, operations, faults, faultsMet, cpuMs] = [0, 0, 0, 0, 0, 0];
  for (const result of results) {
    seeds++;
    simulatedMs += result.simulatedMs;
    operations += result.operations;
    faultsMet += result.faultsMet;
    cpuMs += result.cpuMs;
    for (const [kind, count] of Object.entries(result.faultsByKind)) {
      faults += count;
      faultsByKind.set(kind, (faultsByKind.get(kind) ?? 0) + count);
    }
    for (const { guarantee, text } of result.violations) {
      violations.push({ seed: String(result.seed), guarantee, text });
    }
  }
  return {
    seeds,
    simulatedHours: simulatedMs / 3_600_000,
    realSeconds: realMs / 1000,
    cpuSeconds: cpuMs / 1000,
    timesRealTime: cpuMs > 0 ? simulatedMs / cpuMs : 0,
    operations,
    operationsPerCpuSecond: cpuMs > 0 ? (operations * 1000) / cpuMs : 0,
    faults,
    faultsMet,
    faultsByKind: Object.fromEntries([...faultsByKind].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    violations,
    mutants,
    notCovered,
  };
}

/** Lines, each ended by a newline. */
export function renderSummary(summary: Summary): string {
  const { mutants, violations, notCovered } = summary;
  const caught = mutants.filter(({ caughtBy }) => caughtBy !== undefined).length;
  const figures = [
    ["seeds", grouped(summary.seeds)],
    ["simulated", `${summary.simulatedHours.toFixed(2)} h`],
    ["real", `${summary.realSeconds.toFixed(1)} s`],
    ["of one core", `${summary.cpuSeconds.toFixed(1)} s`],
    ["× real time on one core", grouped(Math.round(summary.timesRealTime))],
    ["operations checked", grouped(summary.operations)],
    ["operations a second of a core", grouped(Math.round(summary.operationsPerCpuSecond))],
    ["faults", grouped(summary.faults)],
    ["faults that met operations", grouped(summary.faultsMet)],
    ["violations", grouped(violations.length)],
    ...(mutants.length === 0 ? [] : [["mutants caught", `${caught} of ${mutants.length}`]]),
  ];
  const kinds = Object.entries(summary.faultsByKind).map(([kind, n]) => [kind, grouped(n)]);
  const sections = [
    aligned(figures, ["left", "right"]),
    titled("faults by kind", aligned(kinds, ["left", "right"])),
    titled("mutants", aligned(mutants.map(mutantRow), ["left", "left", "left", "right"])),
    titled(
      "not covered",
      aligned(
        notCovered.map(({ name, reason }) => [name, reason]),
        ["left", "left"],
      ),
    ),
    titled("violations", violationLines(violations)),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

function mutantRow({ name, caughtBy, tookMs }: FoundMutant): string[] {
  const took = `${(tookMs / 1000).toFixed(1)} s`;
  if (caughtBy === undefined) return [name, "LIVED", "", took];
  return [name, caughtBy.guarantee, `seed ${caughtBy.seed}`, took];
}

function violationLines(violations: readonly FoundViolation[]): string[] {
  const rows = violations
    .slice(0, VIOLATIONS_SHOWN_MAX)
    .map(({ seed, guarantee, text }) => [
      `seed ${seed}`,
      guarantee,
      fitText(cleanText(text.split("\n")[0] ?? ""), TEXT_COLUMNS).trimEnd(),
    ]);
  const more = violations.length - rows.length;
  return [
    ...aligned(rows, ["left", "left", "left"]),
    ...(more > 0 ? [`… and ${grouped(more)} more`] : []),
  ];
}

function titled(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`${title}:`, ...lines.map((line) => `  ${line}`)];
}

function aligned(
  rows: readonly (readonly string[])[],
  sides: readonly ("left" | "right")[],
): string[] {
  const clean = rows.map((row) => row.map(cleanText));
  const widths = sides.map((_, i) => Math.max(0, ...clean.map((row) => textWidth(row[i] ?? ""))));
  return clean.map((row) =>
    row
      .map((cell, i) => {
        const fill = " ".repeat((widths[i] ?? 0) - textWidth(cell));
        return sides[i] === "right" ? fill + cell : cell + fill;
      })
      .join("  ")
      .trimEnd(),
  );
}

/** `1234567` as `1,234,567`, the same on every machine. */
function grouped(value: number): string {
  return String(value).replaceAll(/\B(?=(?:\d{3})+$)/g, ",");
}
