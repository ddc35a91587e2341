// @ts-check
/**
 * The members of one cluster on loopback: ours or Debian's etcd, with the same flags, each in a
 * process of its own with its data in a folder of its own. fsync is on in both.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, openSync, readFileSync } from "node:fs";
import { get } from "node:http";
import { createServer } from "node:net";
import { root } from "../lib/prepare.mjs";

/** `before`: ours from another checkout. @typedef {"sagong" | "etcd" | "before"} Kind */

const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 10_000;
const POLL_MS = 100;
/** Linux counts CPU time in these (`getconf CLK_TCK`), on every architecture of today. */
const TICK_MICROS = 10_000;

export class Cluster {
  /** @type {Kind} */
  kind;
  /** Client URLs. @type {string[]} */
  endpoints = [];
  /** @type {{ name: string, child: import("node:child_process").ChildProcess }[]} */
  #members = [];
  #folder;
  #checkout;

  /**
   * @param {Kind} kind
   * @param {{
   *   folder: string, ports: readonly number[], profile: string | undefined, checkout?: string,
   * }} options two ports for each member; `checkout` where it is not this one
   */
  constructor(kind, { folder, ports, profile, checkout = root }) {
    this.kind = kind;
    this.#checkout = checkout;
    this.#folder = `${folder}/${kind}`;
    mkdirSync(this.#folder, { recursive: true });
    const names = Array.from({ length: ports.length / 2 }, (_, i) => `m${i + 1}`);
    const peer = (/** @type {number} */ i) => `http://127.0.0.1:${ports[2 * i + 1]}`;
    const initialCluster = names.map((name, i) => `${name}=${peer(i)}`).join(",");
    for (const [i, name] of names.entries()) {
      const client = `http://127.0.0.1:${ports[2 * i]}`;
      this.endpoints.push(client);
      this.#start(name, profile, [
        `--name=${name}`,
        `--data-dir=${this.#folder}/${name}`,
        `--listen-client-urls=${client}`,
        `--advertise-client-urls=${client}`,
        `--listen-peer-urls=${peer(i)}`,
        `--initial-advertise-peer-urls=${peer(i)}`,
        `--initial-cluster=${initialCluster}`,
        "--initial-cluster-state=new",
        `--initial-cluster-token=bench-${kind}`,
        "--heartbeat-interval=100",
        "--election-timeout=1000",
        "--snapshot-count=100000",
        "--quota-backend-bytes=8589934592",
        "--log-level=error",
      ]);
    }
  }

  /** Resolves when every member answers; rejects with a member's log where one does not. */
  async ready() {
    const end = performance.now() + START_LIMIT_MS;
    for (const [i, endpoint] of this.endpoints.entries()) {
      while (!(await isHealthy(`${endpoint}/health`))) {
        const member = this.#members[i];
        const ended = member?.child.exitCode ?? member?.child.signalCode ?? null;
        if (ended !== null || performance.now() > end) {
          const log = readFileSync(`${this.#folder}/${member?.name}.log`, "utf8").slice(-2_000);
          throw new Error(`${this.kind} at ${endpoint} did not get ready:\n${log}`);
        }
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    }
  }

  /** Process ids of the members. */
  get pids() {
    return this.#members.map(({ child }) => child.pid ?? 0);
  }

  /** Resident memory of all members in bytes; NaN where the system has no /proc. */
  get residentBytes() {
    return this.#sum(residentBytes);
  }

  /** CPU time that all members have taken so far; NaN where the system has no /proc. */
  get cpuMicros() {
    return this.#sum((pid) => {
      // proc(5): utime and stime are fields 14 and 15; field 2 is in parentheses.
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return (Number(fields[11]) + Number(fields[12])) * TICK_MICROS;
    });
  }

  async stop() {
    await Promise.all(
      this.#members.map(async ({ child }) => {
        if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
        const exited = once(child, "exit");
        child.kill("SIGTERM");
        const timer = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
        await exited;
        clearTimeout(timer);
      }),
    );
  }

  /**
   * @param {string} name
   * @param {string | undefined} profile
   * @param {readonly string[]} flags
   */
  #start(name, profile, flags) {
    const sagong = [
      ...(profile ? ["--cpu-prof", `--cpu-prof-dir=${profile}`] : []),
      `${this.#checkout}/packages/cli/bin/sagong.mjs`,
      "store",
    ];
    const [program, words] =
      this.kind === "etcd" ? ["etcd", ["--logger=zap"]] : [process.execPath, sagong];
    const log = openSync(`${this.#folder}/${name}.log`, "a");
    const child = spawn(program, [...words, ...flags], { stdio: ["ignore", log, log] });
    child.once("error", (error) => console.error(`${this.kind} ${name}: ${error.message}`));
    this.#members.push({ name, child });
  }

  /** @param {(pid: number) => number} count */
  #sum(count) {
    if (process.platform !== "linux") return Number.NaN;
    return this.pids.map(count).reduce((a, b) => a + b, 0);
  }
}

/**
 * Ports that were free a moment ago: fixed ones would let two benchmarks load each other's members.
 * @param {number} count
 * @returns {Promise<number[]>}
 */
export async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address ? address.port : 0;
  });
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}

/** @param {string} url @returns {Promise<boolean>} */
function isHealthy(url) {
  return new Promise((resolve) => {
    const request = get(url, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.setTimeout(2_000, () => request.destroy(new Error("no answer")));
    request.once("error", () => resolve(false));
  });
}

/** @param {number} pid */
export function residentBytes(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}
