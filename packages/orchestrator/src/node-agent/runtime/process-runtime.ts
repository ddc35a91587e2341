/**
 * The `process` runtime: containers are host processes, each in a session and process group of its
 * own, needing neither root nor a kernel feature. It owns its root folder:
 *
 *   sandboxes/<id>/sandbox.json     what a pod's containers share, its address above all
 *   containers/<id>/…               see process-container.ts
 *
 * What it does not do: unpack images, isolate file systems, enforce resource limits. A program finds
 * its mounts under the container's own root folder, not at `/`: that folder is its working
 * folder unless the spec names one, and `$SAGONG_ROOT` in its environment. So a config map mounted
 * at /etc/app is read as `etc/app/…` or `$SAGONG_ROOT/etc/app/…`. runAsUser and runAsGroup need an
 * agent that runs as root; any other refuses them.
 */
import { spawn } from "node:child_process";
import {
  accessSync,
  chownSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type Clock, errorText, type Logger, type Random, type Timer } from "@sagong/base";
import { linkMounts, workingDirOf } from "./container-root.js";
import { LoopbackAddresses } from "./loopback-addresses.js";
import { ProcessContainer, type ProcessContainerDependencies } from "./process-container.js";
import { signalProcess } from "@sagong/base/real";
import { commandAs, type ProcessUser, processUser, readIdentityPlace } from "./process-user.js";
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
  readonly features: RuntimeFeatures = {
    unpacksImages: false,
    scheme: "process",
    securityFields: ["runAsUser", "runAsGroup", "runAsNonRoot"],
  };
  readonly #options: ProcessRuntimeOptions;
  readonly #dependencies: ProcessRuntimeDependencies;
  readonly #addresses: LoopbackAddresses;
  readonly #sandboxes = new Map<string, PodSandbox>();
  readonly #containers = new Map<string, ProcessContainer>();
  readonly #listeners = new Set<(sandboxId: string) => void>();
  readonly #closing = new AbortController();
  #relist: Timer | undefined;
  #closed = false;

  constructor(options: ProcessRuntimeOptions, dependencies: ProcessRuntimeDependencies) {
    this.#options = { ...options, rootDir: resolve(options.rootDir) };
    this.#dependencies = dependencies;
    this.#addresses = new LoopbackAddresses(options.podCidr);
  }

  async recover(): Promise<void> {
    mkdirSync(this.#folder("sandboxes"), { recursive: true, mode: 0o700 });
    // Others may pass through, so that a container of another user comes to its root.
    mkdirSync(this.#folder("containers"), { recursive: true, mode: 0o711 });
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
    const { config, root } = container;
    const user = processUser(config.user, readIdentityPlace());
    linkMounts(root, config.mounts);
    if (user) chownSync(root, user.uid, user.gid);
    const workingDir = workingDirOf(root, config);
    const command = [...config.command, ...config.args];
    findProgram(command[0] ?? "", config, workingDir);
    await container.start(commandAs(user, command), workingDir);
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
      user: processUser(config.user, readIdentityPlace()),
      timeoutMs,
      clock: this.#dependencies.clock,
      signal: this.#closing.signal,
    });
  }

  onChange(listener: (sandboxId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#closing.abort(new RuntimeError("Closed", "The runtime is closed"));
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
  readonly user: ProcessUser | undefined;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Kills the command, and rejects with its reason. */
  readonly signal: AbortSignal;
}

function runCommand(command: readonly string[], options: CommandOptions): Promise<ExecResult> {
  return new Promise((resolveResult, reject) => {
    const { cwd, env, user, signal } = options;
    signal.throwIfAborted();
    const [program = "", ...args] = command;
    const child = spawn(program, args, {
      cwd,
      env,
      ...user,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8").on("data", (text: string) => {
        output[stream] = (output[stream] + text).slice(0, MAX_EXEC_OUTPUT_BYTES);
      });
    }
    const kill = (): void => {
      if (child.pid) signalProcess(-child.pid, "SIGKILL");
    };
    let timedOut = false;
    const timer = options.clock.schedule(options.timeoutMs, () => {
      timedOut = true;
      kill();
    });
    const onAbort = (): void => {
      kill();
      reject(signal.reason as Error); // Ours: see close().
    };
    signal.addEventListener("abort", onAbort);
    const finish = (exitCode: number): void => {
      timer.cancel();
      signal.removeEventListener("abort", onAbort);
      resolveResult({ exitCode, ...output, timedOut });
    };
    child.once("error", (error) => {
      output.stderr += error.message;
      finish(127);
    });
    child.once("close", (code) => finish(code ?? 137));
  });
}
