// @ts-check
/** The flags of `npm run bench:store`. */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const HELP = `npm run bench:store -- [flags]

  --rounds N       rounds of each load, the two clusters in alternation (3)
  --seconds N      about how long each run takes (4)
  --requests N     requests of each run, instead of --seconds
  --members N      members of each cluster: 1, 3 or 5 (3)
  --value-bytes N  size of the value that is put (256)
  --loads WORDS    comma-separated parts of the loads' names, as put@100
  --only KIND      sagong or etcd alone
  --before DIR     also measure ours as built in another checkout
  --data-dir DIR   where the clusters keep their data (the system's temporary folder)
  --json FILE      also write every measurement there
  --profile DIR    write a CPU profile of each member of ours there when it stops
  --no-build       run what is built already`;

/** @param {readonly string[]} args */
export function readFlags(args) {
  const { values } = parse(args);
  if (values.help) {
    console.log(HELP);
    process.exit(0);
  }
  const { only } = values;
  if (only !== undefined && only !== "sagong" && only !== "etcd") {
    refuse(`--only ${only}: expected sagong or etcd`);
  }
  const members = wholeNumber("members", values.members);
  if (![1, 3, 5].includes(members)) refuse(`--members ${members}: expected 1, 3 or 5`);
  return {
    rounds: wholeNumber("rounds", values.rounds),
    seconds: wholeNumber("seconds", values.seconds),
    requests: values.requests === undefined ? undefined : wholeNumber("requests", values.requests),
    members,
    valueBytes: wholeNumber("value-bytes", values["value-bytes"]),
    words: values.loads.split(","),
    only,
    before: values.before,
    dataDir: values["data-dir"],
    json: values.json,
    profile: values.profile,
    build: !values["no-build"],
  };
}

/** @param {readonly string[]} args */
function parse(args) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        rounds: { type: "string", default: "3" },
        seconds: { type: "string", default: "4" },
        requests: { type: "string" },
        members: { type: "string", default: "3" },
        "value-bytes": { type: "string", default: "256" },
        loads: { type: "string", default: "" },
        only: { type: "string" },
        before: { type: "string" },
        "data-dir": { type: "string" },
        json: { type: "string" },
        profile: { type: "string" },
        "no-build": { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

/** @param {string} name @param {string} text */
function wholeNumber(name, text) {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  return refuse(`--${name} ${text}: expected a whole number above 0`);
}

/** @param {string} why @returns {never} */
function refuse(why) {
  console.error(`bench:store: ${why} (see --help)`);
  process.exit(2);
}

/** @param {string} program */
export function isOnPath(program) {
  return spawnSync(program, ["--version"], { stdio: "ignore" }).error === undefined;
}
