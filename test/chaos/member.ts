/**
 * One member: a daemon in a network namespace of its own, which faults kill, stop, and start again
 * with other flags. Its log is a file that outlives every start.
 *
 * It knows whether a fault has taken the process away. A process that ends while no fault excuses it
 * is a violation: whoever watches is told.
 */
import { createWriteStream, mkdirSync, type WriteStream } from "node:fs";
import { join } from "node:path";
import { type Flags, StoreProcess } from "../support/store-process.js";
import { until } from "../support/until.js";
import type { ChaosNetwork } from "./network.js";

const READY = "ready to serve client requests";
/** A member that is alone is never ready; one that has company is within seconds. */
const READY_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 20_000;

export interface ChaosMemberOptions {
  readonly name: string;
  readonly network: ChaosNetwork;
  /** The run's; the member's own things are in a folder of its name. */
  readonly folder: string;
  readonly flags: Flags;
  /** It ended and nobody had excused it. */
  readonly onUnexpectedEnd: (member: ChaosMember, how: number | string) => void;
}

export class ChaosMember {
  readonly name: string;
  readonly endpoint: string;
  readonly folder: string;
  /** Of the next start. */
  flags: Flags;
  readonly #options: ChaosMemberOptions;
  readonly #log: WriteStream;
  #process: StoreProcess | undefined;
  #excuse: string | undefined;
  #isPaused = false;
  startCount = 0;

  constructor(options: ChaosMemberOptions) {
    const { name, network, folder, flags } = options;
    this.#options = options;
    this.name = name;
    this.endpoint = network.clientEndpoint(name);
    this.folder = join(folder, name);
    this.flags = flags;
    mkdirSync(this.dataDir, { recursive: true });
    this.#log = createWriteStream(join(folder, `${name}.log`));
  }

  /** Below the folder where its disk is mounted. */
  get dataDir(): string {
    return join(this.folder, "disk", "data");
  }

  get isRunning(): boolean {
    return this.#process?.isRunning ?? false;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Since its last start. */
  get output(): string {
    return this.#process?.output ?? "";
  }

  /** Spawns it where it does not run. From here on it has no excuse to end. */
  launch(): void {
    if (this.isRunning) return;
    this.#excuse = undefined;
    const { network } = this.#options;
    const flags = { ...this.flags, "data-dir": this.dataDir };
    const process = new StoreProcess(this.name, this.endpoint, flags, {
      prefix: network.launchPrefix(this.name),
      onOutput: (chunk) => this.#log.write(chunk),
    });
    this.#process = process;
    this.startCount++;
    process.spawn();
    void process.exited.then((how) => {
      if (this.#process !== process) return;
      this.#isPaused = false;
      this.#log.write(`--- ended: ${how}\n`);
      if (this.#excuse === undefined) this.#options.onUnexpectedEnd(this, how);
    });
  }

  /** Resolves when it serves; rejects where it has ended, or takes too long. */
  async ready(): Promise<void> {
    const isReady = await until(`${this.name} is ready or ends`, READY_LIMIT_MS, async () => {
      if (this.output.includes(READY)) return true;
      if (!this.isRunning) return false;
      throw new Error(`${this.name} has said:\n${this.output.slice(-2000)}`);
    });
    if (!isReady) throw new Error(`${this.name} ended:\n${this.output.slice(-2000)}`);
  }

  /** From now until its next start it may end by itself. */
  excuse(why: string): void {
    this.#excuse = why;
  }

  async kill(): Promise<void> {
    this.excuse("killed");
    await this.#process?.end("SIGKILL");
  }

  /** SIGTERM. Rejects where it takes no notice. */
  async stop(): Promise<void> {
    this.excuse("stopped");
    this.resume();
    this.#process?.signal("SIGTERM");
    await until(`${this.name} stops`, STOP_LIMIT_MS, async () => {
      if (this.isRunning) throw new Error(`it has said:\n${this.output.slice(-2000)}`);
    });
  }

  pause(): void {
    this.#process?.signal("SIGSTOP");
    this.#isPaused = this.isRunning;
  }

  resume(): void {
    this.#process?.signal("SIGCONT");
    this.#isPaused = false;
  }
}
