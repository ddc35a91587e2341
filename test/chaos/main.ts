/**
 * `npm run chaos`, the part that runs inside the namespaces that `scripts/chaos.mjs` made: flags in,
 * a report out. Exit codes: 0 no violation, 1 violations, 2 it could not run (to its end).
 */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { errorText } from "@sagong/base";
import { renderHtml } from "@sagong/robustness";
import { listFaults, selectFaults } from "./faults/catalogue.js";
import { streamProgress } from "./progress.js";
import { historyLines, recordedRun, reportText, summaryOf } from "./report.js";
import { type ChaosOptions, type ChaosResult, runChaos } from "./run.js";

interface Flags {
  readonly minutes: number;
  readonly rounds: number | undefined;
  readonly members: number;
  readonly seed: number;
  readonly rate: number;
  readonly faults: ChaosOptions["faults"];
  readonly json: string | undefined;
  readonly html: string | undefined;
  readonly keep: boolean;
  readonly listsFaults: boolean;
}

async function main(): Promise<number> {
  const flags = readFlags();
  if (flags.listsFaults) {
    console.log(listFaults());
    return 0;
  }
  const folder = mkdtempSync(join(tmpdir(), "sagong-chaos-"));
  const stopping = new AbortController();
  // A terminal's Ctrl-C reaches us by itself; the end of whoever started us is the channel's.
  for (const signal of ["SIGINT", "SIGTERM", "disconnect"]) {
    process.on(signal, () => stopping.abort());
  }
  const startedMs = performance.now();
  const progress = streamProgress(process.stderr, () => performance.now() - startedMs);
  progress.line(`chaos: seed ${flags.seed}, ${flags.members} members, their logs in ${folder}`);
  const result = await runChaos({
    seed: flags.seed,
    memberCount: flags.members,
    durationMs: flags.minutes * 60_000,
    rounds: flags.rounds,
    faults: flags.faults,
    operationsPerSecond: flags.rate,
    folder,
    keepsData: flags.keep,
    signal: stopping.signal,
    progress,
  });
  const hasFailed = result.violations.length > 0;
  const isKept = hasFailed || flags.keep;
  if (isKept) keep(folder, result);
  else rmSync(folder, { recursive: true, force: true });
  console.log(reportText(result, { isColored: process.stdout.isTTY }));
  if (flags.json !== undefined) writeJson(flags.json, summaryOf(result));
  if (flags.html !== undefined) writeFileSync(flags.html, renderHtml(recordedRun(result)));
  if (stopping.signal.aborted) console.log("interrupted: this run says nothing");
  if (isKept) console.log(`history.jsonl, trace.json, run.html, members' logs and data: ${folder}`);
  return hasFailed ? 1 : stopping.signal.aborted ? 2 : 0;
}

function readFlags(): Flags {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "5" },
      rounds: { type: "string" },
      members: { type: "string", default: "3" },
      faults: { type: "string", default: "" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      rate: { type: "string", default: "150" },
      json: { type: "string" },
      html: { type: "string" },
      keep: { type: "boolean", default: false },
      "list-faults": { type: "boolean", default: false },
    },
  });
  const { minutes, rounds, members, seed, rate, faults, json, html, keep } = values;
  const isCount = (value: number): boolean => Number.isSafeInteger(value) && value > 0;
  return {
    minutes: numberOf("minutes", minutes, (n) => n > 0),
    rounds: rounds === undefined ? undefined : numberOf("rounds", rounds, isCount),
    members: numberOf("members", members, (n) => n === 3 || n === 5),
    seed: numberOf("seed", seed, (n) => Number.isSafeInteger(n) && n >= 0),
    rate: numberOf("rate", rate, (n) => n > 0 && n <= 2_000),
    faults: selectFaults(faults.split(",").filter((word) => word !== "")),
    json,
    html,
    keep,
    listsFaults: values["list-faults"],
  };
}

function numberOf(flag: string, text: string, isGood: (value: number) => boolean): number {
  const value = text === "" ? Number.NaN : Number(text);
  if (isGood(value)) return value;
  throw new Error(`Cannot use --${flag}=${text}: see npm run chaos -- --help`);
}

function keep(folder: string, result: ChaosResult): void {
  const path = join(folder, "history.jsonl");
  writeFileSync(path, "");
  for (const lines of historyLines(result.history)) appendFileSync(path, lines);
  writeJson(join(folder, "trace.json"), result.trace);
  writeFileSync(join(folder, "run.html"), renderHtml(recordedRun(result)));
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value)}\n`);
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`chaos: ${errorText(error)}`);
  if (error instanceof Error && error.cause !== undefined) console.error(error.cause);
  process.exitCode = 2;
}
// Connections of clients may still be open; everything is said and written.
process.exit();
