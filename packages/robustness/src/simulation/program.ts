/**
 * The program behind `npm run simulate`: seeds over workers, progress, a report, and of the first
 * run that fails what a person needs to find the reason.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { type Clock, errorText } from "@sagong/base";
import { chooseFaults, FAULTS } from "../faults/catalogue.js";
import { formatSchedule, readSchedule } from "../faults/read-schedule.js";
import { renderCatalogue } from "../faults/render-catalogue.js";
import { shrinkSchedule } from "../faults/shrink-schedule.js";
import { renderHtml } from "../report/html.js";
import type { RecordedRun } from "../report/recorded-run.js";
import { renderSummary, summarize } from "../report/summary.js";
import { renderTable } from "../report/table.js";
import { HELP, readSimulateFlags, type SimulateFlags } from "./command-line.js";
import { runSeeds } from "./run-seeds.js";
import { SimulationWorker } from "./simulation-worker.js";
import type { MeasuredResult, ScheduledFault, SimulateOptions } from "./simulation.js";

export interface ProgramIo {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Undefined: not a terminal. */
  readonly columns: number | undefined;
  readonly clock: Clock;
  /** Aborted where somebody has seen enough: what has run by then is reported. */
  readonly signal?: AbortSignal;
}

const EXIT_OK = 0;
const EXIT_VIOLATION = 1;
const EXIT_USAGE = 2;
/** As of a program that SIGINT ends. */
const EXIT_STOPPED = 130;
/** How often a run says how far it is, where there is no terminal to say it on all the time. */
const PROGRESS_MS = 60_000;
/** Enough for a run of minutes with all of its messages. */
const KEPT_EVENTS = 200_000;
/** Runs for a smaller schedule; some minutes at the most. */
const ATTEMPTS_MAX = 100;
/** Two runs differ, or the process has ended: a schedule says nothing of it. */
const NOT_OF_SCHEDULE: readonly string[] = ["deterministic", "run-ends"];

type RunOptions = Omit<SimulateOptions, "seed">;

/** Its exit code. */
export async function runSimulate(argv: readonly string[], io: ProgramIo): Promise<number> {
  let flags: SimulateFlags;
  let options: RunOptions;
  try {
    flags = readSimulateFlags(argv);
    chooseFaults(flags.faults);
    options = optionsOf(flags);
  } catch (error) {
    io.err(`simulate: ${errorText(error)} (see --help)\n`);
    return EXIT_USAGE;
  }
  if (flags.action === "help") {
    io.out(HELP);
    return EXIT_OK;
  }
  if (flags.action === "list-faults") {
    io.out(renderCatalogue());
    return EXIT_OK;
  }
  const startedMs = io.clock.monotonicMs();
  const results = await runAll(flags, options, io);
  const realMs = io.clock.monotonicMs() - startedMs;
  const summary = summarize(results, { realMs, notCovered: notCovered() });
  io.out(renderSummary(summary));
  const [only] = results;
  if (only && results.length === 1) io.out(`digest of seed ${only.seed}: ${only.digest}\n`);
  if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(summary, null, 2)}\n`);
  const failed = results
    .filter(({ violations }) => violations.length > 0)
    .toSorted((a, b) => a.seed - b.seed)[0];
  const shown = failed ?? (flags.html !== undefined && results.length === 1 ? only : undefined);
  if (shown) await explain(shown, flags, { ...options, seed: shown.seed }, io);
  if (failed) return EXIT_VIOLATION;
  return io.signal?.aborted ? EXIT_STOPPED : EXIT_OK;
}

async function runAll(
  flags: SimulateFlags,
  options: RunOptions,
  io: ProgramIo,
): Promise<MeasuredResult[]> {
  const { clock } = io;
  const results: MeasuredResult[] = [];
  const untilMs = clock.monotonicMs() + (flags.minutes ?? 0) * 60_000;
  let seed = flags.seed;
  const next = (): number | undefined => {
    const isOver =
      flags.minutes === undefined
        ? seed >= flags.seed + flags.seeds
        : clock.monotonicMs() >= untilMs;
    return isOver || io.signal?.aborted ? undefined : seed++;
  };
  const planned = flags.minutes === undefined ? `of ${flags.seeds}` : `in ${flags.minutes} min`;
  let violations = 0;
  let saidMs = clock.monotonicMs();
  await runSeeds(next, {
    workers: Math.min(flags.workers ?? availableParallelism(), Math.max(1, seedsAtMost(flags))),
    options,
    checksDeterminism: flags.checksDeterminism,
    onResult: (result) => {
      results.push(result);
      if (result.violations.length > 0) {
        violations++;
        for (const { guarantee, text } of result.violations.slice(0, 1)) {
          io.err(`${clearLine(io)}seed ${result.seed}: ${guarantee}: ${text}\n`);
        }
      }
      const progress = `${results.length} seeds ${planned}, ${violations} with violations`;
      if (io.columns !== undefined) io.err(`${clearLine(io)}${progress}`);
      else if (clock.monotonicMs() - saidMs >= PROGRESS_MS) {
        saidMs = clock.monotonicMs();
        io.err(`${progress}\n`);
      }
    },
  });
  io.err(clearLine(io));
  return results;
}

/** What happened in it, how little it takes, and how to see it again. */
async function explain(
  result: MeasuredResult,
  flags: SimulateFlags,
  options: SimulateOptions,
  io: ProgramIo,
): Promise<void> {
  const worker = new SimulationWorker();
  try {
    const shrunk = flags.shrinks ? await smaller(result, options, worker, io) : undefined;
    const schedule = shrunk && { schedule: shrunk };
    const run = await worker.run({ ...options, ...schedule, keepEvents: KEPT_EVENTS });
    const title = `seed ${run.seed}, ${run.members.length} members`;
    if (run.violations.length > 0) {
      const { members, violations, history } = run;
      const width = io.columns === undefined ? {} : { width: io.columns };
      const isColored = flags.isColored && io.columns !== undefined;
      io.out(
        `\n${title}\n${renderTable(run.events, { members, violations, isColored, ...(history && { history }), ...width })}`,
      );
      for (const { guarantee, text } of violations) io.out(`\n${guarantee}: ${text}\n`);
    }
    const command = commandOf(flags, run.seed);
    if (run.violations.length > 0) {
      const all = shrunk ? ` (${shrunk.length} of ${result.schedule.length} are enough)` : "";
      io.out(`\nfaults${all}, as --schedule takes them:\n${formatSchedule(run.schedule)}`);
    }
    io.out(`\nagain: ${command}\n`);
    if (flags.html === undefined) return;
    const recorded: RecordedRun = {
      title,
      members: run.members,
      events: run.events,
      violations: run.violations,
      durationMs: run.simulatedMs,
      ...(run.history && { history: run.history }),
      facts: [
        ["seed", `${run.seed}`],
        ["digest", run.digest],
        ["again", command],
      ],
      schedule: run.schedule.map(describeFault),
    };
    writeFileSync(flags.html, renderHtml(recorded));
    io.out(`timeline: ${flags.html}\n`);
  } finally {
    worker.close();
  }
}

/** The least of its faults with which it still fails; undefined where it fails by no schedule's doing. */
async function smaller(
  { violations, schedule }: MeasuredResult,
  options: SimulateOptions,
  worker: SimulationWorker,
  io: ProgramIo,
): Promise<readonly ScheduledFault[] | undefined> {
  const isOfRun = violations.some(({ guarantee }) => NOT_OF_SCHEDULE.includes(guarantee));
  if (violations.length === 0 || schedule.length === 0 || isOfRun) return undefined;
  let attempts = 0;
  const stillFails = async (candidate: readonly ScheduledFault[]): Promise<boolean> => {
    attempts++;
    if (io.columns !== undefined) {
      io.err(`${clearLine(io)}shrinking the faults: ${candidate.length}, attempt ${attempts}`);
    }
    const { violations: found } = await worker.run({ ...options, schedule: candidate });
    return found.length > 0;
  };
  const shrunk = await shrinkSchedule(schedule, stillFails, { attemptsMax: ATTEMPTS_MAX });
  io.err(clearLine(io));
  return shrunk.schedule;
}

function notCovered(): { readonly name: string; readonly reason: string }[] {
  return FAULTS.flatMap(({ group, name, isCovered }) =>
    isCovered === true ? [] : [{ name: `${group}/${name}`, reason: isCovered }],
  );
}

/** Throws where the schedule cannot be read. */
function optionsOf({ members, faults, safetyMs, schedule: file }: SimulateFlags): RunOptions {
  const schedule = file === undefined ? undefined : readSchedule(readFileSync(file, "utf8"));
  return {
    safetyMs,
    ...(members && { members }),
    ...(faults && { faults }),
    ...(schedule && { schedule }),
  };
}

function seedsAtMost({ minutes, seeds }: SimulateFlags): number {
  return minutes === undefined ? seeds : Number.POSITIVE_INFINITY;
}

function describeFault({ fault, atMs, durationMs, parameters }: ScheduledFault): string {
  const at = `${(atMs / 1_000).toFixed(3)} s`.padStart(10);
  return `${at} for ${(durationMs / 1_000).toFixed(3)} s  ${fault} ${JSON.stringify(parameters)}`;
}

function commandOf(flags: SimulateFlags, seed: number): string {
  const parts = [`npm run simulate -- --seed ${seed}`];
  if (flags.members !== undefined) parts.push(`--members ${flags.members}`);
  if (flags.faults !== undefined) parts.push(`--faults ${flags.faults.join(",")}`);
  if (flags.schedule !== undefined) parts.push(`--schedule ${flags.schedule}`);
  parts.push(`--seconds ${flags.safetyMs / 1_000}`);
  return parts.join(" ");
}

function clearLine({ columns }: ProgramIo): string {
  return columns === undefined ? "" : "\r\u001b[K";
}
