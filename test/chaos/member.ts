/**
 * One member: a daemon in a network namespace of its own, on a disk of its own (a tmpfs of limited
 * size), with surroundings of its own (surroundings.c). Faults kill it, stop it, and start it again
 * with other flags. Its log is a file that outlives every start.
 *
 * M1 the end of every process is judged once: it was asked to end, or a trouble excuses it
 *    (trouble.ts), or it is told as unexpected.
 * M2 a process that ends by a trouble that is healed by now is started again, as a supervisor would;
 *    one that ends while the trouble lasts stays down until a fault or the heal starts it.
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  createWriteStream,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  type WriteStream,
} from "node:fs";
import { join } from "node:path";
import type { Random } from "@sagong/base";
import { type Flags, StoreProcess } from "../support/store-process.js";
import { until } from "../support/until.js";
import type { ChaosNetwork } from "./network.js";
import type { MemoryGroup } from "./surroundings/memory-group.js";
import { losePower, type PowerLoss } from "./surroundings/power-loss.js";
import { Surroundings } from "./surroundings/surroundings.js";
import { type Cause, excuseOf, type Trouble } from "./trouble.js";

const READY = "ready to serve client requests";
/** A member that is alone is never ready; one that has company is within seconds. */
const READY_LIMIT_MS = 60_000;
/** Requests under way are waited for, and leadership is handed over: seconds. */
const STOP_LIMIT_MS = 30_000;
/** The kernel stops all threads at once, but for those in the middle of a call. */
const PAUSE_LIMIT_MS = 10_000;
/** Many times what a run's data take. */
const DISK_SIZE = "256m";
/** A member writes while its disk is filled: what was free has become less. */
const FILL_ATTEMPTS_MAX = 20;
/** It takes more while its memory is limited: what it had is too little then. */
const LIMIT_ATTEMPTS_MAX = 20;

export interface ChaosMemberOptions {
  readonly name: string;
  readonly network: ChaosNetwork;
  /** The run's; the member's own things are in a folder of its name. */
  readonly folder: string;
  readonly flags: Flags;
  /** What `buildSurroundings` built. */
  readonly library: string;
  /** Undefined where the machine has none; removed by the member. */
  readonly memory: MemoryGroup | undefined;
  readonly onStart: (member: ChaosMember) => void;
  /** `why`: what excuses the end; undefined where nothing does. */
  readonly onEnd: (member: ChaosMember, how: number | string, why: string | undefined) => void;
}

/** A process, from its start until its end is judged. */
interface Running {
  readonly process: StoreProcess;
  readonly launchedMs: number;
  /** Signals that it was sent to end by. */
  readonly asked: Set<NodeJS.Signals>;
  /** How many the kernel had killed for want of memory before. */
  readonly memoryKills: number;
  /** It has said that it serves: of what it says only the end is kept. */
  isReady: boolean;
  /** It was asked to stop, and did not. */
  isOverdue: boolean;
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
  #running: Running | undefined;
  #output = "";
  #troubles: Trouble[] = [];
  #isPaused = false;
  #isClosing = false;

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

  get hasMemoryLimit(): boolean {
    return this.#options.memory !== undefined;
  }

  /** True until its end is judged. */
  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Since its last start. */
  get output(): string {
    return this.#running?.process.output ?? this.#output;
  }

  /** Spawns it where it does not run. */
  launch(): void {
    if (this.isRunning) return;
    const { network, memory } = this.#options;
    const flags = { ...this.flags, "data-dir": this.dataDir };
    const process = new StoreProcess(this.name, this.endpoint, flags, {
      prefix: [
        ...network.launchPrefix(this.name),
        ...(memory?.launchPrefix ?? []),
        ...this.surroundings.launchPrefix,
      ],
      onOutput: (chunk) => {
        this.#log.write(chunk);
        // Looked for in all that is there, since a line may come in two parts.
        running.isReady ||= process.output.includes(READY);
      },
    });
    const running: Running = {
      process,
      launchedMs: performance.now(),
      asked: new Set(),
      memoryKills: memory?.kills ?? 0,
      isReady: false,
      isOverdue: false,
    };
    this.#running = running;
    process.spawn();
    this.#options.onStart(this);
    void process.exited.then((how) => this.#judgeEnd(running, how));
  }

  /** Resolves when it serves; rejects where it has ended and stays down, or takes too long. */
  async ready(limitMs: number = READY_LIMIT_MS): Promise<void> {
    const isReady = await until(`${this.name} is ready or ends`, limitMs, async () => {
      if (!this.isRunning) return false;
      if (this.#running?.isReady === true) return true;
      throw new Error(`${this.name} has said:\n${this.output.slice(-2000)}`);
    });
    if (!isReady) throw new Error(`${this.name} ended:\n${this.output.slice(-2000)}`);
  }

  /** From now on it may end by this, until all is well again. */
  suffer(cause: Cause): void {
    this.#troubles.push({ cause, healedMs: undefined });
  }

  /** All is well with its surroundings. What has met a trouble may still be about to end by it. */
  heal(): void {
    this.surroundings.heal();
    this.#options.memory?.lift();
    rmSync(this.#ballast, { force: true });
    if (this.isPaused) this.resume();
    const healedMs = performance.now();
    for (const trouble of this.#troubles) trouble.healedMs ??= healedMs;
  }

  /** Takes all but some bytes of its disk away. */
  fillDisk(leftBytes: number): void {
    for (let attempt = 1; ; attempt++) {
      const { bavail, bsize } = statfsSync(this.#disk);
      const bytes = Math.max(bsize, bavail * bsize - leftBytes);
      try {
        execFileSync("fallocate", ["-l", String(bytes), this.#ballast], { stdio: "pipe" });
        return;
      } catch (error) {
        if (attempt === FILL_ATTEMPTS_MAX) throw error;
      }
    }
  }

  /** From now on it gets no more memory than it has, and so many bytes. */
  squeezeMemory(moreBytes: number): void {
    const { memory } = this.#options;
    if (!memory) throw new Error(`Cannot limit the memory of ${this.name}: it is in no cgroup`);
    for (let attempt = 1; ; attempt++) {
      try {
        return memory.limit(memory.usageBytes + moreBytes);
      } catch (error) {
        if (attempt === LIMIT_ATTEMPTS_MAX) throw error;
      }
    }
  }

  /** Kills it; what it had not made durable is gone. */
  async losePower(random: Random): Promise<PowerLoss> {
    await this.kill();
    return losePower(this.dataDir, this.surroundings, random);
  }

  /** The disk as it is now, kept beside it. The member stands still, or does not run. */
  saveDisk(): void {
    rmSync(this.#saved, { recursive: true, force: true });
    cpSync(this.dataDir, this.#saved, { recursive: true, preserveTimestamps: true });
  }

  /** The disk as it was when it was saved; the member does not run. */
  restoreDisk(): void {
    this.wipe();
    cpSync(this.#saved, this.dataDir, { recursive: true, preserveTimestamps: true });
  }

  async kill(): Promise<void> {
    const running = this.#running;
    if (!running) return;
    running.asked.add("SIGKILL");
    running.process.signal("SIGKILL");
    await this.#judged(running);
  }

  /** SIGTERM; and SIGKILL where it takes no notice, which only a disk that is slow excuses. */
  async stop(): Promise<void> {
    const running = this.#running;
    if (!running) return;
    this.resume();
    running.asked.add("SIGTERM");
    running.process.signal("SIGTERM");
    const late = setTimeout(() => {
      running.isOverdue = !this.surroundings.isSlow;
      running.asked.add("SIGKILL");
      running.process.signal("SIGKILL");
    }, STOP_LIMIT_MS);
    await this.#judged(running);
    clearTimeout(late);
  }

  /** Its last breath; `keepsData` leaves what was on its disk beside the log. */
  async close({ keepsData }: { readonly keepsData: boolean }): Promise<void> {
    this.#isClosing = true;
    await this.kill();
    if (keepsData) cpSync(this.dataDir, join(this.#disk, "..", "data"), { recursive: true });
    execFileSync("umount", [this.#disk]);
    this.#options.memory?.remove();
    this.#log.end();
    await once(this.#log, "close");
  }

  /** What it had is gone; it does not run. */
  wipe(): void {
    if (this.isRunning) throw new Error(`Cannot wipe ${this.name}: it runs`);
    rmSync(this.dataDir, { recursive: true });
    this.surroundings.clearJournal();
  }

  pause(): void {
    this.#running?.process.signal("SIGSTOP");
    this.#isPaused = this.isRunning;
  }

  /** As `pause`, and resolves when no thread of it does anything any more. */
  async pauseWhole(): Promise<void> {
    this.pause();
    const pid = this.#running?.process.pid;
    if (pid === undefined) return;
    await until(`${this.name} stands still`, PAUSE_LIMIT_MS, async () => {
      const states = readdirSync(`/proc/${pid}/task`).map((thread) => stateOf(pid, thread));
      if (states.some((state) => state !== "T")) throw new Error(`threads are ${states.join()}`);
    });
  }

  resume(): void {
    this.#running?.process.signal("SIGCONT");
    this.#isPaused = false;
  }

  get #ballast(): string {
    return join(this.#disk, "ballast");
  }

  get #saved(): string {
    return join(this.#disk, "..", "saved");
  }

  /** Resolves behind `#judgeEnd`, which was first to wait. */
  async #judged({ process }: Running): Promise<void> {
    await process.exited;
  }

  #judgeEnd(running: Running, how: number | string): void {
    const { process, launchedMs, asked, isOverdue } = running;
    this.#running = undefined;
    this.#isPaused = false;
    this.#output = process.output;
    const endedMs = performance.now();
    const { output } = process;
    const isOutOfMemory = (this.#options.memory?.kills ?? 0) > running.memoryKills;
    const end = { how, output, launchedMs, endedMs, isOutOfMemory };
    const excuse = excuseOf(end, this.#troubles);
    const why = isOverdue ? undefined : (wordsOfAsked(asked, how) ?? excuse?.cause);
    if (!this.#log.writableEnded) this.#log.write(`--- ended: ${how}\n`);
    this.#options.onEnd(this, isOverdue ? OVERDUE : how, why);
    const isForUs = asked.size === 0 && !this.#isClosing;
    if (isForUs && excuse?.healedMs !== undefined) this.launch();
  }
}

const OVERDUE = `SIGKILL, ${STOP_LIMIT_MS} ms behind a SIGTERM`;

/** Before it listens to it, a process dies of SIGTERM. */
function wordsOfAsked(asked: ReadonlySet<string>, how: number | string): string | undefined {
  if (how === "SIGKILL" && asked.has("SIGKILL")) return "killed";
  if ((how === 0 || how === "SIGTERM") && asked.has("SIGTERM")) return "stopped";
  return undefined;
}

/** As in proc(5): the letter behind the name in parentheses. */
function stateOf(pid: number, thread: string): string {
  const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8");
  return stat.charAt(stat.lastIndexOf(")") + 2);
}
