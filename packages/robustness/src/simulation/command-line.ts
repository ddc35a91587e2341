/** What `npm run simulate` is asked for: its flags, their meaning, and what is wrong with them. */
import { parseArgs } from "node:util";

export const HELP = `npm run simulate -- [flags]

Runs the real store, members and all, under virtual time on simulated disks and a simulated network,
with faults, and judges what its clients saw. The same seed is the same run, to the last byte.

  --seed N               the first seed (1)
  --seeds K              how many seeds from there on (1)
  --minutes M            goes on with further seeds for M minutes of real time, instead of --seeds
  --members 1|3|5        of the cluster (by seed, mostly 3)
  --faults a,b,...       groups or names of faults, as --list-faults has them (all)
  --schedule FILE        the faults of one seed, instead of those that follow from it: JSON, as a run
                         that fails prints it
  --seconds S            simulated seconds with faults of each seed (240)
  --workers W            processes (one per core)
  --check-determinism    runs each seed twice, in two processes, and compares their digests
  --html FILE            writes a timeline of the first run that fails, or of the only one
  --json FILE            writes the report as JSON
  --no-shrink            does not look for a smaller schedule of faults where a run fails
  --list-faults          what there is, and what is not covered and why
  --no-color             no escape sequences
  --help

Ctrl-C ends it with a report of the seeds that have run.

Exit codes: 0 no violation, 1 a violation, 2 bad usage, 130 stopped before its end without one.

  npm run simulate -- --seed 42 --html run.html      one run, to look at
  npm run simulate -- --seeds 1000                   a thousand
  npm run simulate -- --minutes 10 --faults network  ten minutes of broken networks

  npm run simulate -- --seed 42 --schedule faults.json --html run.html
                                                     one run with faults of your own, from a file like

[
  {"fault":"kill-leader","atMs":5000,"durationMs":2000,"parameters":{}},
  {"fault":"bit-flip-log","atMs":9500,"durationMs":4000,"parameters":{"member":1}}
]
`;

export interface SimulateFlags {
  readonly action: "run" | "help" | "list-faults";
  readonly seed: number;
  readonly seeds: number;
  /** Of real time; undefined: so many seeds. */
  readonly minutes: number | undefined;
  readonly members: 1 | 3 | 5 | undefined;
  readonly faults: readonly string[] | undefined;
  /** A file. */
  readonly schedule: string | undefined;
  readonly safetyMs: number;
  readonly workers: number | undefined;
  readonly checksDeterminism: boolean;
  readonly html: string | undefined;
  readonly json: string | undefined;
  readonly shrinks: boolean;
  readonly isColored: boolean;
}

const SECONDS = 240;
/** A shorter run has elected a leader and not much else. */
const SECONDS_MIN = 5;

/** Throws `RangeError` or `TypeError` with one sentence where the flags make no sense. */
export function readSimulateFlags(argv: readonly string[]): SimulateFlags {
  const { values } = parseArgs({
    args: [...argv],
    allowPositionals: false,
    options: {
      seed: { type: "string", default: "1" },
      seeds: { type: "string" },
      minutes: { type: "string" },
      members: { type: "string" },
      faults: { type: "string" },
      schedule: { type: "string" },
      seconds: { type: "string", default: `${SECONDS}` },
      workers: { type: "string" },
      "check-determinism": { type: "boolean", default: false },
      html: { type: "string" },
      json: { type: "string" },
      "no-shrink": { type: "boolean", default: false },
      "list-faults": { type: "boolean", default: false },
      "no-color": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.minutes !== undefined && values.seeds !== undefined) {
    throw new RangeError("--minutes and --seeds say the same thing in two ways: give one");
  }
  if (values.schedule !== undefined) {
    const other = (["seeds", "minutes", "faults"] as const).find((name) => values[name]);
    if (other)
      throw new RangeError(`--schedule is of one seed, with its faults: leave out --${other}`);
  }
  const optional = (name: "minutes" | "workers", least: number): number | undefined => {
    const text = values[name];
    return text === undefined ? undefined : numberOf(name, text, least);
  };
  return {
    action: values.help ? "help" : values["list-faults"] ? "list-faults" : "run",
    seed: wholeNumber("seed", values.seed, 0),
    seeds: wholeNumber("seeds", values.seeds ?? "1", 1),
    minutes: optional("minutes", 0),
    members: membersOf(values.members),
    faults: values.faults?.split(",").map((name) => name.trim()),
    schedule: values.schedule,
    safetyMs: numberOf("seconds", values.seconds, SECONDS_MIN) * 1_000,
    workers: values.workers === undefined ? undefined : wholeNumber("workers", values.workers, 1),
    checksDeterminism: values["check-determinism"],
    html: values.html,
    json: values.json,
    shrinks: !values["no-shrink"],
    isColored: !values["no-color"],
  };
}

function numberOf(flag: string, text: string, least: number): number {
  const value = Number(text);
  if (text !== "" && Number.isFinite(value) && value >= least) return value;
  throw new RangeError(`--${flag} is "${text}", expected a number of at least ${least}`);
}

function wholeNumber(flag: string, text: string, least: number): number {
  const value = numberOf(flag, text, least);
  if (Number.isSafeInteger(value)) return value;
  throw new RangeError(`--${flag} is "${text}", expected a whole number`);
}

function membersOf(text: string | undefined): 1 | 3 | 5 | undefined {
  if (text === undefined) return undefined;
  if (text === "1") return 1;
  if (text === "3") return 3;
  if (text === "5") return 5;
  throw new RangeError(`--members is "${text}", expected 1, 3 or 5`);
}
