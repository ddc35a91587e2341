// @ts-check
/**
 * The members of one cluster on loopback: ours or Debian's etcd, with the same flags, each in a
 * process of its own with its data in a folder of its own. fsync is on in both.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { get } from "node:http";
import { createServer } from "node:net";
import { root } from "../lib/prepare.mjs";

/** `before`: ours from another checkout. @typedef {"sagong" | "etcd" | "before"} Kind */

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 20_000;
const POLL_MS = 50;
/** Linux counts CPU time in these (`getconf CLK_TCK`), on every architecture of today. */
const TICK_MICROS = 10_000;

/**
 * @typedef {object} ClusterMember
 * @property {string} name
 * @property {string} endpoint client URL
 * @property {readonly string[]} flags
 * @property {string} folder of its data
 * @property {string} log file
 * @property {import("node:child_process").ChildProcess | undefined} child
 */

export class Cluster {
  /** @type {Kind} */
  kind;
  /** @type {ClusterMember[]} */
  members;
  #profile;
  #checkout;

  /**
   * Starts nothing yet.
   * @param {Kind} kind
   * @param {{
   *   folder: string, ports: readonly number[], profile: string | undefined, checkout?: string,
   *   flags: import("./loads/load.mjs").SuiteFlags,
   * }} options two ports for each member; `checkout` where it is not this one
   */
  constructor(kind, { folder, ports, profile, checkout = root, flags }) {
    this.kind = kind;
    this.#checkout = checkout;
    this.#profile = profile;
    mkdirSync(`${folder}/${kind}`, { recursive: true });
    const names = Array.from({ length: ports.length / 2 }, (_, i) => `m${i + 1}`);
    const peer = (/** @type {number} */ i) => `http://127.0.0.1:${ports[2 * i + 1]}`;
    const initialCluster = names.map((name, i) => `${name}=${peer(i)}`).join(",");
    this.members = names.map((name, i) => {
      const endpoint = `http://127.0.0.1:${ports[2 * i]}`;
      const dataDir = `${folder}/${kind}/${name}`;
      return {
        name,
        endpoint,
        folder: dataDir,
        log: `${dataDir}.log`,
        child: undefined,
        flags: [
          `--name=${name}`,
          `--data-dir=${dataDir}`,
          `--listen-client-urls=${endpoint}`,
          `--advertise-client-urls=${endpoint}`,
          `--listen-peer-urls=${peer(i)}`,
          `--initial-advertise-peer-urls=${peer(i)}`,
          `--initial-cluster=${initialCluster}`,
          "--initial-cluster-state=new",
          `--initial-cluster-token=bench-${kind}`,
          "--heartbeat-interval=100",
          "--election-timeout=1000",
          `--snapshot-count=${flags.snapshotCount}`,
          "--quota-backend-bytes=8589934592",
          `--log-level=${flags.logLevel}`,
        ],
      };
    });
  }

  /** Client URLs. */
  get endpoints() {
    return this.members.map(({ endpoint }) => endpoint);
  }

  get running() {
    return this.members.filter(isRunning);
  }

  /** Starts those that do not run. */
  start() {
    for (const member of this.members) if (!isRunning(member)) this.startMember(member);
  }

  /** @param {ClusterMember} member that does not run */
  startMember(member) {
    const sagong = [
      ...(this.#profile ? ["--cpu-prof", `--cpu-prof-dir=${this.#profile}`] : []),
      `${this.#checkout}/packages/cli/bin/sagong.mjs`,
      "store",
    ];
    const [program, words] =
      this.kind === "etcd" ? ["etcd", ["--logger=zap"]] : [process.execPath, sagong];
    const log = openSync(member.log, "a");
    const child = spawn(program, [...words, ...member.flags], { stdio: ["ignore", log, log] });
    closeSync(log);
    child.once("error", (error) => console.error(`${this.kind} ${member.name}: ${error.message}`));
    member.child = child;
  }

  /** Resolves when every member answers; rejects with a member's log where one does not. */
  async ready() {
    const end = performance.now() + START_LIMIT_MS;
    for (const member of this.members) {
      while (!(await isHealthy(`${member.endpoint}/health`))) {
        if (!isRunning(member) || performance.now() > end) {
          const log = readFileSync(member.log, "utf8").slice(-2_000);
          throw new Error(`${this.kind} at ${member.endpoint} did not get ready:\n${log}`);
        }
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    }
  }

  /** Resident memory of each member in bytes; NaN where the system has no /proc. */
  get residentBytes() {
    return this.members.map((member) => this.#read(member, residentBytes));
  }

  /** The same without what is only mapped from files and can be dropped by the kernel. */
  get anonymousBytes() {
    return this.members.map((member) => this.#read(member, anonymousBytes));
  }

  /** CPU time that all members have taken so far; NaN where the system has no /proc. */
  get cpuMicros() {
    return this.members
      .map((member) => this.#read(member, cpuMicros))
      .reduce((sum, micros) => sum + micros, 0);
  }

  /** @param {ClusterMember} member @param {NodeJS.Signals} [signal] */
  async stopMember(member, signal = "SIGTERM") {
    const { child } = member;
    if (child === undefined || !isRunning(member)) return;
    const exited = once(child, "exit");
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
    await exited;
    clearTimeout(timer);
  }

  async stop() {
    await Promise.all(this.members.map((member) => this.stopMember(member)));
  }

  /** Stops it, and its data are gone. */
  async remove() {
    await this.stop();
    for (const { folder } of this.members) rmSync(folder, { recursive: true, force: true });
  }

  /** @param {ClusterMember} member @param {(pid: number) => number} read */
  #read({ child }, read) {
    return process.platform === "linux" && child?.pid !== undefined ? read(child.pid) : Number.NaN;
  }
}

/** @param {ClusterMember} member */
function isRunning({ child }) {
  return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
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

/** @param {number} pid */
function anonymousBytes(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** @param {number} pid */
export function cpuMicros(pid) {
  // proc(5): utime and stime are fields 14 and 15; field 2 is in parentheses.
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROS;
}
