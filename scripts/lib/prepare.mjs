// @ts-check
/**
 * Brings a clone to where its programs run: installs the dependencies if they are not those of the
 * lock file, and builds. Both do nothing in a second when nothing changed.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

const NODE_MAJOR_MIN = 20;

/** Exits with a sentence where the clone cannot be brought there. */
export function prepare() {
  checkNode();
  if (!isInstalled()) {
    step("Installing dependencies", "npm", ["ci", "--no-fund", "--no-audit", "--loglevel=error"]);
  }
  step("Building", process.execPath, [`${root}node_modules/typescript/bin/tsc`, "-b"]);
}

function checkNode() {
  const major = Number(process.versions.node.split(".")[0]);
  if (major >= NODE_MAJOR_MIN) return;
  console.error(`Sagong needs Node ${NODE_MAJOR_MIN} or later; this is ${process.version}`);
  process.exit(1);
}

/** npm writes its own lock file last, so it is there, and newer, only after a whole install. */
function isInstalled() {
  const installed = `${root}node_modules/.package-lock.json`;
  if (!existsSync(installed)) return false;
  const wanted = `${root}package-lock.json`;
  if (statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) return true;
  // A checkout touches files: what counts is whether the locked versions are those installed.
  const packages = (/** @type {string} */ path) => JSON.parse(readFileSync(path, "utf8")).packages;
  const have = packages(installed);
  return Object.entries(packages(wanted)).every(
    ([path, { version, optional }]) => path === "" || optional || have[path]?.version === version,
  );
}

/**
 * @param {string} what
 * @param {string} program
 * @param {readonly string[]} args
 */
function step(what, program, args) {
  const started = performance.now();
  process.stderr.write(`${what} … `);
  const result = spawnSync(program, args, { cwd: root, encoding: "utf8" });
  if (result.status === 0) {
    process.stderr.write(`${((performance.now() - started) / 1000).toFixed(1)} s\n`);
    return;
  }
  process.stderr.write("failed\n");
  process.stderr.write(`${result.stdout ?? ""}${result.stderr ?? ""}${result.error ?? ""}\n`);
  process.exit(1);
}
