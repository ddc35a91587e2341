/**
 * One container of the process runtime: its folder, its wrapper process and its output. The folder
 * is the truth; the object is what the present agent knows of it, and can be made from it again.
 *
 *   created ──start──▶ running ──process ends──▶ exited
 *      └──────────── claimed by nobody (crash before the start) ───▶ exited, never ran
 */
import { execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { type Clock, hasCode, type Logger } from "@sagong/base";
import { CONTAINER_WRAPPER } from "./container-wrapper.js";
import { OutputPump } from "./output-pump.js";
import {
  identifyProcess,
  isSameProcess,
  type ProcessIdentity,
  signalProcess,
} from "@sagong/base/real";
import { type ContainerConfig, type ContainerState, RuntimeError } from "./runtime.js";

/** What is on disk as `container.json`. */
interface ContainerRecord {
  readonly id: string;
  readonly sandboxId: string;
  readonly config: ContainerConfig;
  readonly logPath: string;
  readonly createdAtMs: number;
  readonly startedAtMs: number | undefined;
  readonly finishedAtMs: number | undefined;
  readonly exitCode: number | undefined;
  readonly reason: string | undefined;
  readonly message: string | undefined;
  readonly wrapper: ProcessIdentity | undefined;
  /** The main process; the wrapper's child. */
  readonly child: ProcessIdentity | undefined;
}

type Processes = Pick<ContainerRecord, "wrapper" | "child">;

export interface ProcessContainerDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onChange: (sandboxId: string) => void;
}

/** How long a wrapper may take from its start to its pid file: a shell's start, with slack. */
const START_LIMIT_MS = 5_000;
const POLL_MS = 5;
const makeFifo = promisify(execFile);

export class ProcessContainer {
  readonly folder: string;
  readonly #dependencies: ProcessContainerDependencies;
  #record: ContainerRecord;
  #pump: OutputPump | undefined;
  #settling: Promise<void> | undefined;
  #starting: Promise<void> | undefined;
  /** Once let go of, nothing is written any more: another agent may have it. */
  #detached = false;

  private constructor(
    folder: string,
    record: ContainerRecord,
    dependencies: ProcessContainerDependencies,
  ) {
    this.folder = folder;
    this.#record = record;
    this.#dependencies = dependencies;
  }

  static create(
    folder: string,
    identity: { id: string; sandboxId: string; logPath: string; config: ContainerConfig },
    dependencies: ProcessContainerDependencies,
  ): ProcessContainer {
    mkdirSync(folder, { recursive: true, mode: 0o711 });
    const container = new ProcessContainer(
      folder,
      {
        ...identity,
        createdAtMs: dependencies.clock.wallMs(),
        startedAtMs: undefined,
        finishedAtMs: undefined,
        exitCode: undefined,
        reason: undefined,
        message: undefined,
        wrapper: undefined,
        child: undefined,
      },
      dependencies,
    );
    container.#save({});
    return container;
  }

  /** Takes up a container that another agent left; undefined where its record is not whole. */
  static async recover(
    folder: string,
    dependencies: ProcessContainerDependencies,
  ): Promise<ProcessContainer | undefined> {
    const text = readOptional(`${folder}/container.json`);
    if (text === undefined) return undefined;
    // Written by #save below, by rename, so it is whole.
    const record = JSON.parse(text) as ContainerRecord;
    const container = new ProcessContainer(folder, record, dependencies);
    if (record.finishedAtMs === undefined) await container.#takeUp();
    return container;
  }

  get state(): ContainerState {
    const { config, wrapper: _wrapper, child: _child, ...rest } = this.#record;
    return {
      ...rest,
      name: config.name,
      attempt: config.attempt,
      image: config.image,
      annotations: config.annotations,
      phase: this.#phase(),
    };
  }

  get config(): ContainerConfig {
    return this.#record.config;
  }

  /** The container's root folder: mounts appear below it. */
  get root(): string {
    return `${this.folder}/root`;
  }

  /** What its processes find in their environment: the spec's, and where their root is. */
  get environment(): Readonly<Record<string, string>> {
    const given = this.#record.config.env.map(({ name, value }) => [name, value]);
    return { SAGONG_ROOT: this.root, ...Object.fromEntries(given) };
  }

  async start(command: readonly string[], workingDir: string): Promise<void> {
    this.#starting = this.#start(command, workingDir);
    await this.#starting;
  }

  async #start(command: readonly string[], workingDir: string): Promise<void> {
    const { clock, onChange } = this.#dependencies;
    await makeFifo("mkfifo", ["-m", "600", `${this.folder}/stdout`, `${this.folder}/stderr`]);
    this.#openPump();
    const wrapper = spawn(
      "/bin/sh",
      ["-c", CONTAINER_WRAPPER, "sagong-container", this.folder, ...command],
      { cwd: workingDir, env: this.environment, detached: true, stdio: "ignore" },
    );
    const failed = new Promise<Error>((resolve) => void wrapper.once("error", resolve));
    wrapper.once("exit", () => void this.settle());
    wrapper.unref();
    const processes = await Promise.race([this.#awaitStart(), failed]);
    if (processes instanceof Error || processes === undefined) {
      const message = processes?.message ?? "its shell did not come up";
      await this.#finish({ exitCode: 128, reason: "StartError", message });
      throw new RuntimeError("RunContainerError", `Cannot start container: ${message}`);
    }
    this.#save({ ...processes, startedAtMs: clock.wallMs() });
    this.#pump?.release();
    onChange(this.#record.sandboxId);
    // A process that ended at once did so before there was a running container to settle.
    await this.settle();
  }

  /** SIGTERM to the main process, SIGKILL to the whole group after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    await this.#starting?.catch(() => {}); // Told to who started it; either way it is over.
    if (this.#phase() === "created") {
      this.#claim();
      return this.#finish({ exitCode: 137, reason: "Error", message: "stopped before it started" });
    }
    const { clock } = this.#dependencies;
    const killAtMs = clock.monotonicMs() + graceMs;
    if (graceMs > 0) this.#signal("SIGTERM");
    let killed = false;
    while (this.#phase() === "running") {
      if (this.#detached) throw new RuntimeError("Closed", "The runtime is closed");
      await this.settle();
      if (this.#phase() !== "running") return;
      if (!killed && clock.monotonicMs() >= killAtMs) {
        this.#kill();
        killed = true;
      }
      await pause(clock, POLL_MS * 4);
    }
  }

  /** Looks whether the process has ended, and if so writes that down. Cheap when it has not. */
  async settle(): Promise<void> {
    if (this.#phase() !== "running" || this.#detached) return;
    this.#settling ??= this.#settleOnce().finally(() => {
      this.#settling = undefined;
    });
    await this.#settling;
  }

  /** Lets go without stopping. */
  async detach(): Promise<void> {
    this.#detached = true;
    await this.#pump?.detach();
    this.#pump = undefined;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #phase(): ContainerState["phase"] {
    if (this.#record.finishedAtMs !== undefined) return "exited";
    return this.#record.startedAtMs === undefined ? "created" : "running";
  }

  async #settleOnce(): Promise<void> {
    const exit = readOptional(`${this.folder}/exit`);
    if (exit !== undefined) {
      const exitCode = Number.parseInt(exit, 10);
      return this.#finish({
        exitCode,
        reason: exitCode === 0 ? "Completed" : "Error",
        message: undefined,
      });
    }
    const { wrapper, child } = this.#record;
    if (wrapper && isSameProcess(wrapper)) return;
    // The wrapper was killed: with our own SIGKILL to the group, or from outside.
    if (existsSync(`${this.folder}/exit`)) return this.#settleOnce();
    // Without its wrapper the main process cannot be watched: it must not outlive it unseen.
    if (wrapper && child && isSameProcess(child)) {
      signalProcess(-wrapper.pid, "SIGKILL"); // The group's number is taken while the child is in it.
    }
    await this.#finish({ exitCode: 137, reason: "Error", message: undefined });
  }

  async #finish(end: Pick<ContainerRecord, "exitCode" | "reason" | "message">): Promise<void> {
    await this.#pump?.finish();
    this.#pump = undefined;
    if (this.#record.finishedAtMs !== undefined || this.#detached) return;
    this.#save({ ...end, finishedAtMs: this.#dependencies.clock.wallMs() });
    this.#dependencies.onChange(this.#record.sandboxId);
  }

  async #takeUp(): Promise<void> {
    if (this.#record.startedAtMs === undefined) {
      const ran = !this.#claim();
      const processes = ran ? await this.#awaitProcesses(START_LIMIT_MS) : undefined;
      if (!processes) {
        return this.#finish({
          exitCode: 137,
          reason: "ContainerStatusUnknown",
          message: "The node agent ended before it had started the container",
        });
      }
      this.#save({ ...processes, startedAtMs: this.#dependencies.clock.wallMs() });
    }
    if (this.#record.wrapper && isSameProcess(this.#record.wrapper)) {
      this.#openPump();
      this.#pump?.release();
    }
    await this.settle();
  }

  /** True where nobody had claimed the start before: then the wrapper will give up. */
  #claim(): boolean {
    try {
      mkdirSync(`${this.folder}/claim`);
      return true;
    } catch (error) {
      if (hasCode(error, "EEXIST")) return false;
      throw error;
    }
  }

  /** A wrapper that is late is either told to give up, or already past that point and waited for. */
  async #awaitStart(): Promise<Processes | undefined> {
    const processes = await this.#awaitProcesses(START_LIMIT_MS);
    if (processes || this.#claim()) return processes;
    return this.#awaitProcesses(START_LIMIT_MS);
  }

  async #awaitProcesses(limitMs: number): Promise<Processes | undefined> {
    const { clock } = this.#dependencies;
    const untilMs = clock.monotonicMs() + limitMs;
    while (clock.monotonicMs() < untilMs) {
      const [wrapperPid, childPid] = (readOptional(`${this.folder}/pid`) ?? "")
        .split(" ")
        .map(Number);
      if (wrapperPid && childPid) {
        return { wrapper: identifyProcess(wrapperPid), child: identifyProcess(childPid) };
      }
      await pause(clock, POLL_MS);
    }
    return undefined;
  }

  #signal(signal: NodeJS.Signals): void {
    const { child } = this.#record;
    if (child && isSameProcess(child)) signalProcess(child.pid, signal);
  }

  #kill(): void {
    const { wrapper } = this.#record;
    if (wrapper && isSameProcess(wrapper)) signalProcess(-wrapper.pid, "SIGKILL");
  }

  #openPump(): void {
    const { clock, logger } = this.#dependencies;
    this.#pump = new OutputPump({
      folder: this.folder,
      logPath: this.#record.logPath,
      clock,
      onError: (error) =>
        logger.error("container output was lost", {
          container: this.#record.id,
          error: error instanceof Error ? error.message : String(error),
        }),
    });
  }

  #save(changes: Partial<ContainerRecord>): void {
    this.#record = { ...this.#record, ...changes };
    const path = `${this.folder}/container.json`;
    writeFileSync(`${path}.tmp`, JSON.stringify(this.#record), { mode: 0o600 });
    renameSync(`${path}.tmp`, path);
  }
}

function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => void clock.schedule(delayMs, resolve));
}

function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
