/** A run's result, for people and for programs. */
import { compareText } from "@sagong/base";
import { type History, type Operation, type RecordedRun, renderTable } from "@sagong/robustness";
import type { ChaosResult } from "./run.js";

const VIOLATIONS_SHOWN = 20;

export interface ChaosSummary {
  readonly seed: number;
  readonly members: number;
  readonly minutes: number;
  readonly operations: number;
  readonly acknowledgedWrites: number;
  /** Of which it is not known whether they were done. */
  readonly unknownOutcomes: number;
  readonly watches: number;
  readonly eventsWatched: number;
  readonly leases: number;
  readonly faults: number;
  readonly faultsByKind: Readonly<Record<string, number>>;
  /** From a heal until every member had acknowledged a write that was asked for since. */
  readonly longestWaitMs: number;
  readonly waitsMsByKind: ChaosResult["waitsMsByKind"];
  readonly violations: ChaosResult["violations"];
}

export function summaryOf(result: ChaosResult): ChaosSummary {
  const { seed, members, durationMs, faultsByKind, history } = result;
  const responses = history.watches.flatMap((watch) => watch.responses);
  return {
    seed,
    members: members.length,
    minutes: durationMs / 60_000,
    operations: history.operations.length,
    acknowledgedWrites: history.operations.filter(isAcknowledgedWrite).length,
    unknownOutcomes: history.operations.filter(({ outcome }) => outcome.kind === "unknown").length,
    watches: history.watches.length,
    eventsWatched: responses.reduce((sum, { events }) => sum + events.length, 0),
    leases: history.leases.length,
    faults: Object.values(faultsByKind).reduce((sum, count) => sum + count, 0),
    faultsByKind,
    longestWaitMs: Math.max(0, ...Object.values(result.waitsMsByKind)),
    waitsMsByKind: result.waitsMsByKind,
    violations: result.violations,
  };
}

export function reportText(
  result: ChaosResult,
  { isColored }: { readonly isColored: boolean },
): string {
  const summary = summaryOf(result);
  const { violations } = summary;
  const line = (figure: number | string, words: string): string =>
    `${String(figure).padStart(9)} ${words}`;
  const kinds = Object.entries(summary.faultsByKind).toSorted(([a], [b]) => compareText(a, b));
  const shown = violations.slice(0, VIOLATIONS_SHOWN);
  return [
    ...(violations.length === 0 ? [] : [tableOf(result, isColored)]),
    line(summary.seed, "seed"),
    line(summary.minutes.toFixed(1), `minutes, ${summary.members} members`),
    line(summary.operations, "operations of clients"),
    line(summary.acknowledgedWrites, "writes acknowledged"),
    line(summary.unknownOutcomes, "operations without a known outcome"),
    line(summary.watches, `watches, which saw ${summary.eventsWatched} events`),
    line(summary.leases, "leases"),
    line(summary.faults, "faults"),
    ...kinds.map(([name, count]) => line(count, `  ${name}${waitText(summary, name)}`)),
    line(
      (summary.longestWaitMs / 1000).toFixed(1),
      "s at most from a heal until every member acknowledged a write",
    ),
    line(violations.length, "violations"),
    ...shown.map(({ guarantee, text }) => `${guarantee}: ${text}`),
    ...(shown.length < violations.length ? [`… and ${violations.length - shown.length} more`] : []),
  ].join("\n");
}

export function recordedRun(result: ChaosResult): RecordedRun {
  const { seed, members, trace, violations, durationMs, history, faultsByKind } = result;
  return {
    title: `chaos, seed ${seed}, ${members.length} members`,
    members,
    events: trace,
    violations: violations.slice(0, VIOLATIONS_SHOWN),
    durationMs,
    history,
    facts: [
      ["seed", String(seed)],
      ["operations", String(history.operations.length)],
      ["faults", String(summaryOf(result).faults)],
    ],
    schedule: Object.entries(faultsByKind).map(([name, count]) => `${count} × ${name}`),
  };
}

/** A JSON value a line. All of it at once is more than a string can hold, for a run of an hour. */
export function* historyLines({ operations, watches, leases }: History): Generator<string> {
  for (const operation of operations) yield `${JSON.stringify({ operation })}\n`;
  for (const watch of watches) yield `${JSON.stringify({ watch })}\n`;
  for (const lease of leases) yield `${JSON.stringify({ lease })}\n`;
}

function waitText({ waitsMsByKind }: ChaosSummary, name: string): string {
  const ms = waitsMsByKind[name];
  return ms === undefined ? "" : `, then at most ${(ms / 1000).toFixed(1)} s`;
}

function isAcknowledgedWrite({ request, outcome }: Operation): boolean {
  return outcome.kind === "answered" && request.kind !== "range" && request.kind !== "compact";
}

function tableOf({ trace, members, violations }: ChaosResult, isColored: boolean): string {
  return renderTable(trace, {
    members,
    isColored,
    violations: violations.slice(0, 1),
    rowsMax: 60,
    width: process.stdout.columns ?? 120,
  });
}
