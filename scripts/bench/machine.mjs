// @ts-check
/** What a record was measured on. */
import { execFileSync } from "node:child_process";
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { root } from "../lib/prepare.mjs";
import { median } from "./statistics.mjs";

/**
 * @typedef {object} Machine
 * @property {string} date
 * @property {string} commit of this checkout, with `+` where files differ from it
 * @property {number} cores
 * @property {string} cpu model
 * @property {number} memoryMiB
 * @property {string} kernel
 * @property {string} node
 * @property {string} etcd version, `none` where there is no etcd
 * @property {string} h2load
 * @property {number} diskSyncMs median of a write of 4 KiB with fdatasync, on the clusters' disk
 */

const SYNCS = 100;
const BLOCK_BYTES = 4_096;

/** @param {{ date: string, folder: string }} options @returns {Machine} */
export function machineFacts({ date, folder }) {
  return {
    date,
    commit: `${firstWord(/(\w+)/, "git", "rev-parse", "--short", "HEAD")}${isChanged() ? "+" : ""}`,
    cores: cpus().length,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    memoryMiB: Math.round(totalmem() / 1024 / 1024),
    kernel: release(),
    node: process.versions.node,
    etcd: firstWord(/etcd Version: (\S+)/, "etcd", "--version"),
    h2load: firstWord(/nghttp2\/(\S+)/, "h2load", "--version"),
    diskSyncMs: diskSyncMs(folder),
  };
}

function isChanged() {
  return firstWord(/(\S)/, "git", "status", "--porcelain", "--untracked-files=no") !== "none";
}

/** @param {RegExp} pattern @param {string} program @param {string[]} args */
function firstWord(pattern, program, ...args) {
  try {
    const text = execFileSync(program, args, { cwd: root, encoding: "utf8", stdio: "pipe" });
    return pattern.exec(text)?.[1] ?? "none";
  } catch {
    // Not there: which is the answer.
    return "none";
  }
}

/** @param {string} folder */
function diskSyncMs(folder) {
  const path = `${folder}/sync`;
  const file = openSync(path, "w");
  const block = Buffer.alloc(BLOCK_BYTES, 1);
  try {
    const times = Array.from({ length: SYNCS }, () => {
      const began = performance.now();
      writeSync(file, block);
      fdatasyncSync(file);
      return performance.now() - began;
    });
    return median(times);
  } finally {
    closeSync(file);
    rmSync(path);
  }
}
