// @ts-check
/** One run of h2load: many copies of one gRPC call over a few connections. */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";

/**
 * @typedef {object} Load
 * @property {string} endpoint
 * @property {string} method as in `/etcdserverpb.KV/Put`
 * @property {Uint8Array} message the encoded request
 * @property {number} inFlight calls under way at once
 * @property {number} requests
 * @property {string} bodyFile where the request's frame is written for h2load
 */

/** gRPC puts a flag and a length before each message. */
export const FRAME_HEAD_BYTES = 5;
/** Calls under way on one connection; more of them take more connections. */
const STREAMS_MAX = 100;
const LIMIT_MS = 300_000;

/**
 * @param {Load} load
 * @returns {Promise<{ perSecond: number, meanMs: number, dataBytes: number }>} `dataBytes`: of the
 *   answers' bodies
 */
export async function h2load({ endpoint, method, message, inFlight, requests, bodyFile }) {
  const frame = new Uint8Array(FRAME_HEAD_BYTES + message.length);
  new DataView(frame.buffer).setUint32(1, message.length);
  frame.set(message, FRAME_HEAD_BYTES);
  writeFileSync(bodyFile, frame);
  const connections = Math.max(1, Math.ceil(inFlight / STREAMS_MAX));
  const streams = Math.ceil(inFlight / connections);
  const output = await run([
    `-n${requests}`,
    `-c${connections}`,
    `-m${streams}`,
    "-t1",
    `-d${bodyFile}`,
    "-Hcontent-type: application/grpc",
    "-Hte: trailers",
    `${endpoint}${method}`,
  ]);
  const perSecond = Number(/, ([\d.]+) req\/s/.exec(output)?.[1]);
  const succeeded = Number(/ (\d+) succeeded/.exec(output)?.[1]);
  const dataBytes = Number(/\((\d+)\) data/.exec(output)?.[1]);
  const mean = /time for request:\s+\S+\s+\S+\s+([\d.]+)(us|ms|s)/.exec(output);
  if (!(perSecond > 0) || succeeded !== requests || !mean) {
    throw new Error(`h2load did not finish ${requests} requests:\n${output}`);
  }
  const unit = { us: 0.001, ms: 1, s: 1000 }[mean[2] ?? "ms"] ?? 1;
  return { perSecond, meanMs: Number(mean[1]) * unit, dataBytes };
}

/** @param {readonly string[]} args @returns {Promise<string>} */
function run(args) {
  return new Promise((resolve, reject) => {
    execFile("h2load", args, { timeout: LIMIT_MS }, (error, stdout, stderr) => {
      if (error) reject(new Error(`h2load failed: ${error.message}\n${stdout}${stderr}`));
      else resolve(stdout);
    });
  });
}
