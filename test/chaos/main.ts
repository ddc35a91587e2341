/**
 * `npm run chaos`, the part that runs inside the namespaces that `scripts/chaos.mjs` made: flags in,
 * a report out. Exit codes: 0 no violation, 1 violations, 2 it could not run.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compareText } from "@sagong/base";
import { selectFaults } from "./faults/catalogue.js";
import { type ChaosResult, runChaos } from "./run.js";

const { values: flags } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    members: { type: "string", default: "3" },
    faults: { type: "string", default: "" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    rate: { type: "string", default: "150" },
    json: { type: "string", default: "" },
    keep: { type: "boolean", default: false },
  },
});

async function main(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "sagong-chaos-"));
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => stopping.abort());
  }
  // Whoever started us has died: so do we.
  process.on("disconnect", () => stopping.abort());
  const seed = Number(flags.seed);
  const started = performance.now();
  progress(`seed ${seed}, members' logs in ${folder}`);
  const result = await runChaos({
    seed,
    memberCount: Number(flags.members),
    durationMs: Number(flags.minutes) * 60_000,
    faults: selectFaults(flags.faults.split(",").filter((word) => word !== "")),
    operationsPerSecond: Number(flags.rate),
    folder,
    signal: stopping.signal,
    onProgress: (line) =>
      progress(`${((performance.now() - started) / 1000).toFixed(1).padStart(7)} s  ${line}`),
  });
  const hasFailed = result.violations.length > 0;
  if (hasFailed || flags.keep) keep(folder, result);
  else rmSync(folder, { recursive: true, force: true });
  report(result);
  if (flags.json !== "")
    writeFileSync(flags.json, `${JSON.stringify(summary(result), undefined, 2)}\n`);
  return hasFailed ? 1 : 0;
}

function keep(folder: string, result: ChaosResult): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "history.json"), JSON.stringify(result.history));
  writeFileSync(join(folder, "trace.json"), JSON.stringify(result.trace));
  console.log(`history, trace and members' logs: ${folder}`);
}

function summary(
  result: ChaosResult,
): Omit<ChaosResult, "history" | "trace"> & { readonly faults: number } {
  const { history: _history, trace: _trace, ...rest } = result;
  return { ...rest, faults: Object.values(result.faultsByKind).reduce((sum, n) => sum + n, 0) };
}

function report(result: ChaosResult): void {
  const { faults, faultsByKind } = summary(result);
  console.log(`seed ${result.seed}, ${(result.durationMs / 60_000).toFixed(1)} minutes`);
  console.log(
    `  ${String(result.operations).padStart(8)} operations of clients, ${result.acknowledgedWrites} writes acknowledged`,
  );
  console.log(`  ${String(result.events).padStart(8)} events seen by watches`);
  console.log(`  ${String(faults).padStart(8)} faults`);
  for (const [name, count] of Object.entries(faultsByKind).toSorted(([a], [b]) =>
    compareText(a, b),
  )) {
    console.log(`  ${String(count).padStart(8)}   ${name}`);
  }
  console.log(
    `  ${(result.longestWaitMs / 1000).toFixed(1).padStart(8)} s at most from a heal to an acknowledged write`,
  );
  console.log(`  ${String(result.violations.length).padStart(8)} violations`);
  for (const { guarantee, text } of result.violations) console.log(`${guarantee}: ${text}`);
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

try {
  process.exit(await main());
} catch (error) {
  console.error(error);
  process.exit(2);
}
