/**
 * `sagong store` as its users run it: a process with flags, on loopback. `StoreProcess` is one
 * member; `storeCluster` gives several that know each other.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "./free-ports.js";
import { repositoryRoot } from "./repository-root.js";
import { until } from "./until.js";

const SAGONG = join(repositoryRoot(), "packages/cli/bin/sagong.mjs");
const PROGRAM = join(repositoryRoot(), "packages/cli/dist/main.js");
const READY_LIMIT_MS = 20_000;
/** Of what the process has said, so much is kept: its end. */
const OUTPUT_CHARACTERS_MAX = 100_000;

export type Flags = Readonly<Record<string, string | number>>;

/** Where and how the process runs, other than as our child and nothing else. */
export interface Launch {
  /** Words before the program's own, as `nsenter --net=…`. They must exec, so that signals reach it. */
  readonly prefix: readonly string[];
  /** Everything that it says, as it says it. */
  readonly onOutput: (chunk: Buffer) => void;
}

export class StoreProcess {
  readonly name: string;
  readonly endpoint: string;
  readonly flags: Flags;
  readonly #launch: Launch | undefined;
  #child: ChildProcess | undefined;
  #exited: Promise<number | string> = Promise.resolve(0);
  #output = "";

  constructor(name: string, endpoint: string, flags: Flags, launch?: Launch) {
    this.name = name;
    this.endpoint = endpoint;
    this.flags = flags;
    this.#launch = launch;
  }

  get dataDir(): string {
    return String(this.flags["data-dir"]);
  }

  /** Undefined where it was never started. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** What it has said since its last start. */
  get output(): string {
    return this.#output;
  }

  /** Exit code, or the signal's name, of the last run. */
  get exited(): Promise<number | string> {
    return this.#exited;
  }

  /** `words` stand between the settings' flags and nothing: for flags that make no sense. */
  spawn(words: readonly string[] = []): void {
    if (!existsSync(PROGRAM)) {
      throw new Error("The program is not built: run npm run build (tsc -b) first");
    }
    const flags = Object.entries(this.flags).map(([flag, value]) => `--${flag}=${value}`);
    const prefix = this.#launch?.prefix ?? [];
    const [program = "", ...args] = [
      ...prefix,
      process.execPath,
      SAGONG,
      "store",
      ...flags,
      ...words,
    ];
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    this.#output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        this.#output = (this.#output + chunk.toString("utf8")).slice(-OUTPUT_CHARACTERS_MAX);
        this.#launch?.onOutput(chunk);
      });
    }
    // "close", so that everything it said has been read.
    this.#exited = new Promise((resolve) => {
      child.once("close", (code, signal) => resolve(code ?? signal ?? "unknown"));
    });
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    this.spawn();
    const isReady = await until(`${this.name} listens or ends`, READY_LIMIT_MS, async () => {
      if (this.#output.includes("ready to serve client requests")) return true;
      if (!this.isRunning) return false;
      throw new Error(`${this.name} has said:\n${this.#output}`);
    });
    if (!isReady) throw new Error(`${this.name} ended:\n${this.#output}`);
  }

  get isRunning(): boolean {
    const child = this.#child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** No effect where it does not run. */
  signal(name: NodeJS.Signals): void {
    if (this.isRunning) this.#child?.kill(name);
  }

  /** Resolves with what it ended by; at once where it does not run. */
  async end(signal: "SIGKILL" | "SIGTERM"): Promise<number | string> {
    this.signal(signal);
    return await this.#exited;
  }
}

/** Members that are not started yet, in folders below `dir`. */
export async function storeCluster(
  dir: string,
  options: { readonly count: number; readonly flags?: Flags },
): Promise<readonly StoreProcess[]> {
  const ports = await freePorts(2 * options.count);
  const members = Array.from({ length: options.count }, (_, i) => ({
    name: `m${i + 1}`,
    client: `127.0.0.1:${ports[2 * i]}`,
    peer: `http://127.0.0.1:${ports[2 * i + 1]}`,
  }));
  return members.map(
    ({ name, client, peer }) =>
      new StoreProcess(name, client, {
        name,
        "data-dir": join(dir, name),
        "listen-client-urls": `http://${client}`,
        "advertise-client-urls": `http://${client}`,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": members.map((member) => `${member.name}=${member.peer}`).join(","),
        ...options.flags,
      }),
  );
}
