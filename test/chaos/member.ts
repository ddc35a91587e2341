/**
 * One member: a daemon in a network namespace of its own, on a disk of its own (a tmpfs of limited
 * size), with surroundings of its own (surroundings.c). Faults kill it, stop it, and start it again
 * with other flags. Its log is a file that outlives every start.
 *
 * It knows whether a fault has taken the process away. A process that ends while no fault excuses it
 * is a violation: whoever watches is told.
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  createWriteStream,
  mkdirSync,
  rmSync,
  statfsSync,
  type WriteStream,
} from "node:fs";
import { join } from "node:path";
import type { Random } from "@sagong/base";
import { type Flags, StoreProcess } from "../support/store-process.js";
import { until } from "../support/until.js";
import type { ChaosNetwork } from "./network.js";
import { losePower, type PowerLoss } from "./surroundings/power-loss.js";
import { Surroundings } from "./surroundings/surroundings.js";

const READY = "ready to serve client requests";
/** A member that is alone is never ready; one that has company is within seconds. */
const READY_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 20_000;
/** Many times what a run's data take. */
const DISK_SIZE = "256m";

export interface ChaosMemberOptions {
  readonly name: string;
  readonly network: ChaosNetwork;
  /** The run's; the member's own things are in a folder of its name. */
  readonly folder: string;
  readonly flags: Flags;
  /** What `buildSurroundings` built. */
  readonly library: string;
  readonly onStart: (member: ChaosMember) => void;
  /** `isExcused`: a fault has taken it away, or may have. */
  readonly onEnd: (member: ChaosMember, how: number | string, isExcused: boolean) => void;
}

export class ChaosMember {
  readonly name: string;
  readonly endpoint: string;
  readonly surroundings: Surroundings;
  /** Of the next start. */
  flags: Flags;
  readonly #options: ChaosMemberOptions;
  readonly #log: WriteStream;
  readonly #disk: string;
  #process: StoreProcess | undefined;
  #excuse: string | undefined;
  /** What excuses it lasts until it is healed, over any restart that another fault brings. */
  #isTroubled = false;
  #isPaused = false;

  constructor(options: ChaosMemberOptions) {
    const { name, network, folder, flags } = options;
    this.#options = options;
    this.name = name;
    this.endpoint = network.clientEndpoint(name);
    this.flags = flags;
    this.#disk = join(folder, name, "disk");
    mkdirSync(this.#disk, { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_SIZE}`, "chaos", this.#disk]);
    const { library } = options;
    this.surroundings = new Surroundings({ library, folder: join(folder, name), root: this.#disk });
    this.#log = createWriteStream(join(folder, `${name}.log`));
  }

  get dataDir(): string {
    return join(this.#disk, "data");
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

  /** Spawns it where it does not run. Without a fault it has no excuse to end from here on. */
  launch(): void {
    if (this.isRunning) return;
    if (!this.#isTroubled) this.#excuse = undefined;
    const { network } = this.#options;
    const flags = { ...this.flags, "data-dir": this.dataDir };
    const process = new StoreProcess(this.name, this.endpoint, flags, {
      prefix: [...network.launchPrefix(this.name), ...this.surroundings.launchPrefix],
      onOutput: (chunk) => this.#log.write(chunk),
    });
    this.#process = process;
    process.spawn();
    this.#options.onStart(this);
    void process.exited.then((how) => {
      if (this.#process !== process) return;
      this.#isPaused = false;
      if (!this.#log.writableEnded) this.#log.write(`--- ended: ${how}\n`);
      this.#options.onEnd(this, how, this.#excuse !== undefined);
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

  /** From now on, until all is well again, it may end by itself. */
  excuse(why: string): void {
    this.#isTroubled = true;
    this.#excuse = why;
  }

  /** All is well with its surroundings, and it has no excuse any more. */
  heal(): void {
    this.surroundings.heal();
    rmSync(this.#ballast, { force: true });
    if (this.isPaused) this.resume();
    this.#isTroubled = false;
    if (this.isRunning) this.#excuse = undefined;
  }

  /** Takes all but some bytes of its disk away. */
  fillDisk(leftBytes: number): void {
    const { bavail, bsize } = statfsSync(this.#disk);
    const bytes = Math.max(bsize, bavail * bsize - leftBytes);
    execFileSync("fallocate", ["-l", String(bytes), this.#ballast]);
  }

  /** Kills it; what it had not made durable is gone. */
  async losePower(random: Random): Promise<PowerLoss> {
    await this.kill();
    return losePower(this.dataDir, this.surroundings, random);
  }

  async kill(): Promise<void> {
    this.#excuse ??= "killed";
    await this.#process?.end("SIGKILL");
  }

  /** SIGTERM. Rejects where it takes no notice. */
  async stop(): Promise<void> {
    this.#excuse ??= "stopped";
    this.resume();
    this.#process?.signal("SIGTERM");
    await until(`${this.name} stops`, STOP_LIMIT_MS, async () => {
      if (this.isRunning) throw new Error(`it has said:\n${this.output.slice(-2000)}`);
    });
  }

  /** Its last breath; `keepsData` leaves what was on its disk beside the log. */
  async close({ keepsData }: { readonly keepsData: boolean }): Promise<void> {
    await this.kill();
    if (keepsData) cpSync(this.dataDir, join(this.#disk, "..", "data"), { recursive: true });
    execFileSync("umount", [this.#disk]);
    this.#log.end();
    await once(this.#log, "close");
  }

  /** What it had is gone; it does not run. */
  wipe(): void {
    if (this.isRunning) throw new Error(`Cannot wipe ${this.name}: it runs`);
    rmSync(this.dataDir, { recursive: true });
    this.surroundings.clearJournal();
  }

  get #ballast(): string {
    return join(this.#disk, "ballast");
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
