/**
 * A simulated member's machine: what outlives its processes (disk, clock, the node in the network)
 * and the one process that may run on it at a time.
 */
import { errorText, type Random, randomBelow, type Timer } from "@sagong/base";
import { identify } from "@sagong/kv/parts";
import type { LogStorage, RaftStatus, RaftView, SparingLimits } from "@sagong/raft";
import type { Channel } from "@sagong/rpc";
import type { SimulatedDisk } from "../disk/simulated-disk.js";
import type { Network } from "../network/network.js";
import type { SimulatedWorld } from "../world/simulated-world.js";
import { digestState } from "./digest-state.js";
import { MemberClock } from "./member-clock.js";
import { memberConfig } from "./member-config.js";
import { MemberProcess } from "./member-process.js";
import type { AppliedDigest, Loss, MemberFlags, SimulatedMember } from "./simulated-member.js";

export interface MachineOptions {
  readonly name: string;
  /** All members', its own included. */
  readonly names: readonly string[];
  readonly world: SimulatedWorld;
  readonly network: Network;
  readonly disk: SimulatedDisk;
  readonly flags: MemberFlags;
  readonly aroundLog?: (log: LogStorage) => LogStorage;
}

/** A member that has not ended so long after SIGTERM is killed. */
const STOP_MS = 10_000;
/** Small, so that a short run makes and drops several of them. */
const SEGMENT_BYTES = 64 * 1024;
/** From less than a block to more than most runs write: what is not held is read from the database. */
const HELD_BYTES_MAX = 256 * 1024;
/** Machines have been up for up to a day when a run begins. */
const UPTIME_MS_MAX = 86_400_000;

/**
 * Half of the processes spare followers, and let themselves be spared, wherever that may be: no run has
 * as much to do as makes a leader busy, and hardly a member is without clients.
 */
function sparingOf(chance: Random): SparingLimits | undefined {
  if (randomBelow(chance, 2) === 0) return undefined;
  const heldMs = 5 + randomBelow(chance, 45);
  return {
    appendsATick: 0,
    heldMs,
    heldEntriesMax: 1 + randomBelow(chance, 64),
    heldBytesMax: 65_536,
  };
}

export class Machine implements SimulatedMember {
  readonly name: string;
  readonly nodeId: bigint;
  readonly disk: SimulatedDisk;
  readonly clock: MemberClock;
  flags: MemberFlags;
  readonly ownFlags: MemberFlags;
  readonly #options: MachineOptions;
  readonly #onEnded = new Set<() => void>();
  #process: MemberProcess | undefined;
  #started: Promise<void> | undefined;
  #refuseStart: ((error: unknown) => void) | undefined;
  #failure: unknown;
  #resume: { readonly atMs: number; readonly timer: Timer } | undefined;
  #isLogBlocked = false;
  /** It has logged a line that nobody reads. */
  #isInLogWrite = false;

  constructor(options: MachineOptions) {
    const { world, name, names, flags } = options;
    this.#options = options;
    this.name = name;
    this.flags = flags;
    this.ownFlags = flags;
    this.disk = options.disk;
    const uptimeMs = (world.chance(`uptime ${name}`).nextUint32() / 2 ** 32) * UPTIME_MS_MAX;
    this.clock = new MemberClock(world, Math.floor(uptimeMs));
    this.nodeId = identify(memberConfig(name, names, flags)).memberId;
  }

  get isRunning(): boolean {
    return this.#process !== undefined;
  }

  get isPaused(): boolean {
    return this.#process?.gate.isShut ?? false;
  }

  /** Whether clients can reach its services. */
  get isServing(): boolean {
    return this.#process?.composed !== undefined && !this.isPaused;
  }

  get failure(): unknown {
    return this.#failure;
  }

  /** Called when its process has ended, for whatever reason. */
  onEnded(listener: () => void): void {
    this.#onEnded.add(listener);
  }

  start(): Promise<void> {
    if (this.#started) return this.#started;
    const { name, names, world } = this.#options;
    const config = memberConfig(name, names, this.flags);
    const process = new MemberProcess({
      ...this.#options,
      config,
      identity: identify(config),
      clock: this.clock,
      randomSeed: world.chance(`member ${name}`).nextUint32(),
      segmentBytes: SEGMENT_BYTES,
      heldBytesMax: randomBelow(world.chance(`held by ${name}`), HELD_BYTES_MAX),
      sparing: sparingOf(world.chance(`sparing of ${name}`)),
      aroundLog: this.#options.aroundLog,
      onLogLine: () => this.#logged(process),
    });
    this.#process = process;
    this.#failure = undefined;
    this.#note("starts", { phase: "begin" });
    this.#started = new Promise((resolve, reject) => {
      this.#refuseStart = reject;
      process
        .start(() => void this.#fail(process))
        .then(
          () => {
            this.#note("serves");
            resolve();
          },
          (error: unknown) => this.#refused(process, error),
        );
    });
    this.#started.catch(() => {}); // `failure` says so, too.
    return this.#started;
  }

  kill(loss: Loss): void {
    const wasRunning = this.isRunning;
    this.#end({ hasPower: loss === "process" });
    this.disk.crash(loss);
    if (wasRunning) this.#tell(loss === "process" ? "killed" : "without power");
  }

  async stop(): Promise<void> {
    const process = this.#process;
    if (!process) return;
    this.#note("is asked to end");
    await new Promise<void>((resolve) => {
      const timer = this.#options.world.after(STOP_MS, () => {
        if (this.#process === process) this.kill("process");
        resolve();
      });
      process.gate.enter(() => {
        process.close().then(
          () => {
            timer.cancel();
            this.#endInOrder(process);
            resolve();
          },
          (error: unknown) => {
            timer.cancel();
            this.#failure = error;
            this.kill("process");
            resolve();
          },
        );
      });
    });
  }

  pause(ms: number): void {
    const process = this.#process;
    const { world } = this.#options;
    const atMs = world.nowMs + ms;
    if (!process || (this.#resume && this.#resume.atMs >= atMs)) return;
    this.#resume?.timer.cancel();
    if (!process.gate.isShut) this.#note("paused");
    process.gate.shut();
    const timer = world.after(ms, () => {
      this.#resume = undefined;
      this.#goOn(process);
    });
    this.#resume = { atMs, timer };
  }

  get isLogBlocked(): boolean {
    return this.#isLogBlocked;
  }

  set isLogBlocked(isBlocked: boolean) {
    this.#isLogBlocked = isBlocked;
    if (isBlocked || !this.#isInLogWrite) return;
    this.#isInLogWrite = false;
    if (this.#process) this.#goOn(this.#process);
  }

  /** Writes to a pipe block on Linux, and with them the event loop; here, from the event's end on. */
  #logged(process: MemberProcess): void {
    if (!this.#isLogBlocked || this.#isInLogWrite || this.#process !== process) return;
    this.#isInLogWrite = true;
    this.#note("waits for the reader of its log");
    process.gate.shut();
  }

  /** Unless it stands still for another reason. */
  #goOn(process: MemberProcess): void {
    if (this.#resume || this.#isInLogWrite) return;
    this.#note("goes on");
    process.gate.open();
  }

  channel(client: string): Channel {
    const { network, world } = this.#options;
    return network.channel({ client, server: this.name, port: "client", clock: world.clock });
  }

  raftStatus(): RaftStatus | undefined {
    return this.#process?.composed?.raft.status();
  }

  raftView(): RaftView | undefined {
    return this.#process?.composed?.raft.inspect();
  }

  /** Another number whenever its process may have done something; undefined where none runs. */
  get steps(): number | undefined {
    return this.#process?.gate.entered;
  }

  appliedDigest(): AppliedDigest | undefined {
    const state = this.#process?.composed?.state;
    return state && digestState(state);
  }

  /** The daemon's way out: it closes what it can, and exits. */
  async #fail(process: MemberProcess): Promise<void> {
    if (this.#process !== process) return;
    this.#failure = process.fatal?.error;
    this.#note(`stops itself: ${errorText(this.#failure)}`);
    // While it starts, `start` rejects, which is another way to the same end.
    if (!process.composed) return;
    this.#options.world.after(STOP_MS, () => {
      if (this.#process === process) this.kill("process");
    });
    try {
      await process.close();
    } finally {
      if (this.#process === process) this.kill("process");
    }
  }

  #refused(process: MemberProcess, error: unknown): void {
    if (this.#process !== process) return;
    this.#failure = error;
    this.#end({ hasPower: true }, error);
    this.disk.crash("process");
    this.#tell(`refuses to start: ${errorText(error)}`);
  }

  #endInOrder(process: MemberProcess): void {
    if (this.#process !== process) return;
    this.#end({ hasPower: true });
    this.disk.unmount();
    this.#tell("ended");
  }

  #end(power: { readonly hasPower: boolean }, why: unknown = new Error("it was killed")): void {
    this.#process?.gate.kill();
    this.#process = undefined;
    this.#resume?.timer.cancel();
    this.#resume = undefined;
    this.#isInLogWrite = false;
    this.#started = undefined;
    this.#refuseStart?.(why); // Without effect where it serves.
    this.#refuseStart = undefined;
    this.#options.network.leave(this.name, power);
  }

  #tell(text: string): void {
    this.#note(text, { phase: "end" });
    for (const listener of this.#onEnded) listener();
  }

  /** The phases are those of the process's life: it begins with its start. */
  #note(text: string, rest: { readonly phase?: "begin" | "end" } = {}): void {
    this.#options.world.trace.add({ kind: "process", who: this.name, text, ...rest });
  }
}
