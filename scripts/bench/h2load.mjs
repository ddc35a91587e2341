// @ts-check
/** One run of h2load: many copies of one gRPC call over a few connections. */
import { execFile } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpuMicros } from "./clusters.mjs";
import { quantile } from "./statistics.mjs";

/**
 * @typedef {object} H2load
 * @property {string} endpoint
 * @property {string} path as in `/etcdserverpb.KV/Put`
 * @property {Uint8Array} message the encoded request
 * @property {number} inFlight calls under way at once
 * @property {number} requests
 * @property {string} folder where the request's frame and the answers' times are written
 */

/** gRPC puts a flag and a length before each message. */
export const FRAME_HEAD_BYTES = 5;
/** Calls under way on one connection; more of them take more connections. */
const STREAMS_MAX = 100;
const LIMIT_MS = 300_000;
const SAMPLE_MS = 100;

/**
 * @param {H2load} load
 * @returns {Promise<{ perSecond: number, p50Ms: number, p99Ms: number, clientCpu: number, dataBytes: number }>}
 *   `clientCpu`: share of a core that h2load took; `dataBytes`: of the answers' bodies
 */
export async function h2load({ endpoint, path, message, inFlight, requests, folder }) {
  const frame = new Uint8Array(FRAME_HEAD_BYTES + message.length);
  new DataView(frame.buffer).setUint32(1, message.length);
  frame.set(message, FRAME_HEAD_BYTES);
  const files = { body: `${folder}/body`, times: `${folder}/times` };
  writeFileSync(files.body, frame);
  // h2load appends.
  rmSync(files.times, { force: true });
  const connections = Math.max(1, Math.ceil(inFlight / STREAMS_MAX));
  const { output, clientCpu } = await run([
    `-n${requests}`,
    `-c${connections}`,
    `-m${Math.ceil(inFlight / connections)}`,
    "-t1",
    `-d${files.body}`,
    `--log-file=${files.times}`,
    "-Hcontent-type: application/grpc",
    "-Hte: trailers",
    `${endpoint}${path}`,
  ]);
  const result = parseOutput(output, requests);
  return { ...result, ...parseTimes(readFileSync(files.times, "utf8")), clientCpu };
}

/** @param {string} output @param {number} requests */
export function parseOutput(output, requests) {
  const perSecond = Number(/, ([\d.]+) req\/s/.exec(output)?.[1]);
  const succeeded = Number(/ (\d+) succeeded/.exec(output)?.[1]);
  const dataBytes = Number(/\((\d+)\) data/.exec(output)?.[1]);
  if (!(perSecond > 0) || succeeded !== requests) {
    throw new Error(`h2load did not finish ${requests} requests:\n${output}`);
  }
  return { perSecond, dataBytes };
}

/** @param {string} text of h2load's log: start, HTTP status, microseconds; by tabs */
export function parseTimes(text) {
  const times = text
    .trimEnd()
    .split("\n")
    .map((line) => Number(line.slice(line.lastIndexOf("\t") + 1)) / 1_000);
  return { p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) };
}

/** @param {readonly string[]} args @returns {Promise<{ output: string, clientCpu: number }>} */
function run(args) {
  return new Promise((resolve, reject) => {
    let clientCpu = Number.NaN;
    const began = performance.now();
    const child = execFile("h2load", args, { timeout: LIMIT_MS }, (error, stdout, stderr) => {
      clearInterval(timer);
      if (error) reject(new Error(`h2load failed: ${error.message}\n${stdout}${stderr}`));
      else resolve({ output: stdout, clientCpu });
    });
    // Node tells nothing of an ended child's CPU, so it is asked for while the child runs.
    const timer = setInterval(() => {
      if (process.platform !== "linux" || child.pid === undefined) return;
      try {
        clientCpu = cpuMicros(child.pid) / 1_000 / (performance.now() - began);
      } catch {
        // It has ended meanwhile: the last figure stands.
        clearInterval(timer);
      }
    }, SAMPLE_MS);
  });
}
