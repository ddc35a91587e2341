/**
 * The `process` runtime: containers are host processes, each in a session and process group of its
 * own, needing neither root nor a kernel feature. It owns its root folder:
 *
 *   sandboxes/<id>/sandbox.json     what a pod's containers share, its address above all
 *   containers/<id>/…               see process-container.ts
 *
 * What it does not do: unpack images, isolate file systems, enforce resource limits. Mounts appear
 * under the container's own root folder (`$SAGONG_ROOT/<containerPath>`), not at `/`.
 */
import { spawn } from "node:child_process";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type Clock, errorText, type Logger, type Random, type Timer } from "@sagong/base";
import { LoopbackAddresses } from "./loopback-addresses.js";
import { ProcessContainer, type ProcessContainerDependencies } from "./process-container.js";
import { signalProcess } from "./process-identity.js";
import {
  type ContainerConfig,
  type ContainerRuntime,
  type ContainerState,
  type ExecResult,
  type PodSandbox,
  type PodSandboxConfig,
  RuntimeError,
  type RuntimeFeatures,
} from "./runtime.js";

export interface ProcessRuntimeOptions {
  readonly rootDir: string;
  /** A /16 of 127.0.0.0/8 that no other agent on this machine uses. */
  readonly podCidr: string;
}

export interface ProcessRuntimeDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** How often the end of processes is looked for that are not this agent's children. */
const RELIST_MS = 500;
const MAX_EXEC_OUTPUT_BYTES = 16 * 1024;

/** Opens the root folder and takes up what a former agent left running. */
export async function openProcessRuntime(
  options: ProcessRuntimeOptions,
  dependencies: ProcessRuntimeDependencies,
): Promise<ContainerRuntime> {
  const runtime = new ProcessRuntime(options, dependencies);
  await runtime.recover();
  return runtime;
}

class ProcessRuntime implements ContainerRuntime {
  readonly features: RuntimeFeatures = { unpacksImages: false, scheme: "process" };
  readonly #options: ProcessRuntimeOptions;
  readonly #dependencies: ProcessRuntimeDependencies;
  readonly #addresses: LoopbackAddresses;
  readonly #sandboxes = new Map<string, PodSandbox>();
  readonly #containers = new Map<string, ProcessContainer>();
  readonly #listeners = new Set<(sandboxId: string) => void>();
  #relist: Timer | undefined;
  #closed = false;

  constructor(options: ProcessRuntimeOptions, dependencies: ProcessRuntimeDependencies) {
    this.#options = { ...options, rootDir: resolve(options.rootDir) };
    this.#dependencies = dependencies;
    this.#addresses = new LoopbackAddresses(options.podCidr);
  }

  async recover(): Promise<void> {
    for (const kind of ["sandboxes", "containers"] as const) {
      mkdirSync(this.#folder(kind), { recursive: true, mode: 0o700 });
    }
    for (const id of readdirSync(this.#folder("sandboxes"))) this.#recoverSandbox(id);
    for (const id of readdirSync(this.#folder("containers"))) {
      const folder = `${this.#folder("containers")}/${id}`;
      const container = await ProcessContainer.recover(folder, this.#containerDependencies());
      if (container && this.#sandboxes.has(container.state.sandboxId)) {
        this.#containers.set(id, container);
      } else {
        if (container) await container.stop(0);
        rmSync(folder, { recursive: true, force: true });
      }
    }
    this.#scheduleRelist();
  }

  version(): Promise<{ name: string; version: string }> {
    return Promise.resolve({ name: "process", version: process.version });
  }

  async runPodSandbox(config: PodSandboxConfig): Promise<string> {
    const sandbox: PodSandbox = {
      id: this.#newId(),
      config,
      createdAtMs: this.#dependencies.clock.wallMs(),
      ip: this.#addresses.allocate(),
    };
    const folder = `${this.#folder("sandboxes")}/${sandbox.id}`;
    mkdirSync(folder, { mode: 0o700 });
    writeFileSync(`${folder}/sandbox.json.tmp`, JSON.stringify(sandbox), { mode: 0o600 });
    renameSync(`${folder}/sandbox.json.tmp`, `${folder}/sandbox.json`);
    this.#sandboxes.set(sandbox.id, sandbox);
    return sandbox.id;
  }

  async stopPodSandbox(sandboxId: string): Promise<void> {
    await Promise.all(this.#containersOf(sandboxId).map((container) => container.stop(0)));
  }

  async removePodSandbox(sandboxId: string): Promise<void> {
    const sandbox = this.#sandboxes.get(sandboxId);
    if (!sandbox) return;
    await this.stopPodSandbox(sandboxId);
    for (const container of this.#containersOf(sandboxId)) {
      container.remove();
      this.#containers.delete(container.state.id);
    }
    rmSync(`${this.#folder("sandboxes")}/${sandboxId}`, { recursive: true, force: true });
    this.#addresses.release(sandbox.ip);
    this.#sandboxes.delete(sandboxId);
  }

  listPodSandboxes(): Promise<readonly PodSandbox[]> {
    return Promise.resolve([...this.#sandboxes.values()]);
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    const sandbox = this.#sandboxes.get(sandboxId);
    if (!sandbox) {
      throw new RuntimeError(
        "CreateContainerError",
        `Cannot create container: no sandbox "${sandboxId}"`,
      );
    }
    if (config.command.length === 0) {
      throw new RuntimeError(
        "CommandRequired",
        `The process runtime runs programs of the host and does not unpack image "${config.image}": ` +
          "set `command` in the container's spec, or run this node with a CRI runtime",
      );
    }
    const id = this.#newId();
    const container = ProcessContainer.create(
      `${this.#folder("containers")}/${id}`,
      { id, sandboxId, config, logPath: join(sandbox.config.logDirectory, config.logPath) },
      this.#containerDependencies(),
    );
    this.#containers.set(id, container);
    return id;
  }

  async startContainer(containerId: string): Promise<void> {
    const container = this.#container(containerId);
    const { config } = container;
    const { root } = container;
    linkMounts(root, config);
    const workingDir = workingDirOf(root, config);
    const command = [...config.command, ...config.args];
    findProgram(command[0] ?? "", config, workingDir);
    await container.start(command, workingDir);
  }

  async stopContainer(containerId: string, graceMs: number): Promise<void> {
    await this.#containers.get(containerId)?.stop(graceMs);
  }

  async removeContainer(containerId: string): Promise<void> {
    const container = this.#containers.get(containerId);
    if (!container) return;
    await container.stop(0);
    container.remove();
    this.#containers.delete(containerId);
  }

  async listContainers(): Promise<readonly ContainerState[]> {
    return [...this.#containers.values()].map((container) => container.state);
  }

  async execSync(
    containerId: string,
    command: readonly string[],
    timeoutMs: number,
  ): Promise<ExecResult> {
    const container = this.#container(containerId);
    const { config } = container;
    return runCommand(command, {
      cwd: workingDirOf(container.root, config),
      env: container.environment,
      timeoutMs,
      clock: this.#dependencies.clock,
    });
  }

  onChange(listener: (sandboxId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#relist?.cancel();
    await Promise.all([...this.#containers.values()].map((container) => container.detach()));
  }

  #recoverSandbox(id: string): void {
    const path = `${this.#folder("sandboxes")}/${id}/sandbox.json`;
    if (!existsSync(path)) {
      rmSync(dirname(path), { recursive: true, force: true }); // Never whole: no container is in it.
      return;
    }
    // Written by runPodSandbox, by rename, so it is whole.
    const sandbox = JSON.parse(readFileSync(path, "utf8")) as PodSandbox;
    this.#addresses.reserve(sandbox.ip);
    this.#sandboxes.set(id, sandbox);
  }

  #scheduleRelist(): void {
    if (this.#closed) return;
    this.#relist = this.#dependencies.clock.schedule(RELIST_MS, () => {
      void Promise.all([...this.#containers.values()].map((container) => container.settle()))
        .catch((error: unknown) =>
          this.#dependencies.logger.error("container state could not be read", {
            error: errorText(error),
          }),
        )
        .finally(() => this.#scheduleRelist());
    });
  }

  #containerDependencies(): ProcessContainerDependencies {
    return {
      clock: this.#dependencies.clock,
      logger: this.#dependencies.logger,
      onChange: (sandboxId: string): void => {
        for (const listener of this.#listeners) listener(sandboxId);
      },
    };
  }

  #containersOf(sandboxId: string): ProcessContainer[] {
    return [...this.#containers.values()].filter(({ state }) => state.sandboxId === sandboxId);
  }

  #container(containerId: string): ProcessContainer {
    const container = this.#containers.get(containerId);
    if (!container) throw new RuntimeError("NotFound", `No container "${containerId}"`);
    return container;
  }

  #folder(kind: "sandboxes" | "containers"): string {
    return `${this.#options.rootDir}/${kind}`;
  }

  #newId(): string {
    let id = "";
    for (let i = 0; i < 4; i++) {
      id += this.#dependencies.random.nextUint32().toString(16).padStart(8, "0");
    }
    return id;
  }
}

/** Each mount as a link below `root`, at the place that the pod's spec names. */
function linkMounts(root: string, config: ContainerConfig): void {
  mkdirSync(root, { recursive: true, mode: 0o755 });
  for (const mount of config.mounts) {
    const link = join(root, mount.containerPath);
    mkdirSync(dirname(link), { recursive: true });
    rmSync(link, { recursive: true, force: true });
    symlinkSync(mount.hostPath, link);
  }
}

/** The spec's folder where the container's root or the host has it; else the container's root. */
function workingDirOf(root: string, config: ContainerConfig): string {
  if (config.workingDir === undefined) return root;
  const inside = join(root, config.workingDir);
  if (isFolder(inside)) return inside;
  if (isFolder(config.workingDir)) return config.workingDir;
  throw new RuntimeError(
    "RunContainerError",
    `Cannot start container: workingDir "${config.workingDir}" is neither a mounted folder nor one of this host`,
  );
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}

/** Refuses a program that is not there, in runc's words. */
function findProgram(program: string, config: ContainerConfig, workingDir: string): void {
  const path = config.env.find(({ name }) => name === "PATH")?.value ?? "";
  const candidates = program.includes("/")
    ? [resolve(workingDir, program)]
    : path.split(":").map((folder) => join(folder, program));
  if (candidates.some(isExecutable)) return;
  const where = program.includes("/")
    ? "no such file or directory"
    : "executable file not found in $PATH";
  throw new RuntimeError(
    "RunContainerError",
    `Cannot start container: exec: "${program}": ${where}`,
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false; // Absent or not for us: either way this candidate is none.
  }
}

interface CommandOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

function runCommand(command: readonly string[], options: CommandOptions): Promise<ExecResult> {
  return new Promise((resolveResult) => {
    const [program = "", ...args] = command;
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8").on("data", (text: string) => {
        output[stream] = (output[stream] + text).slice(0, MAX_EXEC_OUTPUT_BYTES);
      });
    }
    let timedOut = false;
    const timer = options.clock.schedule(options.timeoutMs, () => {
      timedOut = true;
      if (child.pid) signalProcess(-child.pid, "SIGKILL");
    });
    const finish = (exitCode: number): void => {
      timer.cancel();
      resolveResult({ exitCode, ...output, timedOut });
    };
    child.once("error", (error) => {
      output.stderr += error.message;
      finish(127);
    });
    child.once("close", (code) => finish(code ?? 137));
  });
}
