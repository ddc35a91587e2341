// @ts-check
/** The flags of `npm run bench:store`: read and checked here, explained in `HELP`. */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

export const HELP = `npm run bench:store -- [flags]

  --members LIST     sizes of the clusters, comma-separated: 1, 3 or 5 (1,3)
  --rounds N         counted rounds of each load, the clusters in alternation (3)
  --seconds N        about how long each run takes (3)
  --warm-up N        about how long each load runs before the counted rounds (8)
  --quick            one round, one second, three members, fewer keys: about six minutes
  --only LOAD…       loads by name or part of it, comma-separated or repeated (see --list)
  --stalls           also the "no stalls" figures (see --list), which take about four minutes
  --list             the loads' names
  --check-generator  only our own load generator beside h2load, under the same loads
  --product KIND     sagong or etcd alone
  --before DIR       also measure ours as built in another checkout
  --value-bytes N    size of the value that is put (256)
  --keys N           keys of the large store (1000000)
  --data-dir DIR     where the clusters keep their data (the system's temporary folder)
  --json FILE        write every measurement, the medians, and what the machine is
  --chart FILE       write the ratios as an SVG
  --from FILE        measure nothing: report and chart of what --json wrote earlier
  --date TEXT        date that the record bears (today)
  --profile DIR      write a CPU profile of each member of ours there when it stops
  --no-build         run what is built already`;

/** @typedef {"sagong" | "etcd"} Product */

/**
 * @typedef {object} Flags
 * @property {"measure" | "list" | "help"} action
 * @property {string | undefined} from
 * @property {readonly number[]} members
 * @property {number} rounds
 * @property {number} seconds
 * @property {number} warmUp seconds
 * @property {boolean} isQuick
 * @property {readonly string[]} only
 * @property {boolean} stalls
 * @property {boolean} checkGenerator
 * @property {Product | undefined} product
 * @property {string | undefined} before
 * @property {number} valueBytes
 * @property {number} keys
 * @property {string | undefined} dataDir
 * @property {string | undefined} json
 * @property {string | undefined} chart
 * @property {string | undefined} date
 * @property {string | undefined} profile
 * @property {boolean} build
 */

const QUICK = { rounds: 1, seconds: 1, warmUp: 5, members: "3", keys: 100_000 };
const FULL = { rounds: 3, seconds: 3, warmUp: 8, members: "1,3", keys: 1_000_000 };

/** @param {readonly string[]} args @returns {Flags} throws with a sentence */
export function readFlags(args) {
  const { values } = parseArgs({
    args: joinLists(args),
    options: OPTIONS,
    allowPositionals: false,
  });
  const defaults = values.quick ? QUICK : FULL;
  const { product } = values;
  if (product !== undefined && product !== "sagong" && product !== "etcd") {
    throw new Error(`--product ${product}: expected sagong or etcd`);
  }
  return {
    action: values.help ? "help" : values.list ? "list" : "measure",
    members: membersOf(values.members ?? defaults.members),
    rounds: wholeNumber("rounds", values.rounds, defaults.rounds),
    seconds: wholeNumber("seconds", values.seconds, defaults.seconds),
    warmUp: wholeNumber("warm-up", values["warm-up"], defaults.warmUp),
    isQuick: values.quick === true,
    only: listOf(values.only ?? []),
    stalls: values.stalls === true,
    checkGenerator: values["check-generator"] === true,
    product,
    before: values.before,
    valueBytes: wholeNumber("value-bytes", values["value-bytes"], 256),
    keys: wholeNumber("keys", values.keys, defaults.keys),
    dataDir: values["data-dir"],
    from: values.from,
    json: values.json,
    chart: values.chart,
    date: values.date,
    profile: values.profile,
    build: values["no-build"] !== true,
  };
}

const OPTIONS = /** @type {const} */ ({
  members: { type: "string" },
  rounds: { type: "string" },
  seconds: { type: "string" },
  "warm-up": { type: "string" },
  quick: { type: "boolean" },
  only: { type: "string", multiple: true },
  stalls: { type: "boolean" },
  list: { type: "boolean" },
  "check-generator": { type: "boolean" },
  product: { type: "string" },
  before: { type: "string" },
  "value-bytes": { type: "string" },
  keys: { type: "string" },
  "data-dir": { type: "string" },
  from: { type: "string" },
  json: { type: "string" },
  chart: { type: "string" },
  date: { type: "string" },
  profile: { type: "string" },
  "no-build": { type: "boolean" },
  help: { type: "boolean", short: "h" },
});

/** `--only put@1 put@100` as `--only put@1 --only put@100`. @param {readonly string[]} args */
function joinLists(args) {
  /** @type {string[]} */
  const joined = [];
  let isList = false;
  for (const arg of args) {
    if (arg.startsWith("-")) isList = arg === "--only";
    else if (isList && joined.at(-1) !== "--only") joined.push("--only");
    joined.push(arg);
  }
  return joined;
}

/** @param {readonly string[]} texts */
function listOf(texts) {
  return texts.flatMap((text) => text.split(",")).filter((text) => text !== "");
}

/** @param {string} text */
function membersOf(text) {
  const sizes = listOf([text]).map((word) => wholeNumber("members", word, 0));
  const wrong = sizes.find((size) => ![1, 3, 5].includes(size));
  if (wrong !== undefined || sizes.length === 0) {
    throw new Error(`--members ${text}: expected 1, 3 or 5, or several of them`);
  }
  return [...new Set(sizes)];
}

/** @param {string} name @param {string | undefined} text @param {number} standard */
function wholeNumber(name, text, standard) {
  if (text === undefined) return standard;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`--${name} ${text}: expected a whole number above 0`);
}

/** @param {string} program */
export function isOnPath(program) {
  return spawnSync(program, ["--version"], { stdio: "ignore" }).error === undefined;
}
