/**
 * The container runtime as the node agent sees it: the verbs of the CRI (runtime.v1), so that host
 * processes, containerd and a simulated node are exchangeable. Images stand apart: a runtime that
 * does not unpack them says so in `features`.
 */

export interface ContainerRuntime {
  readonly features: RuntimeFeatures;
  version(): Promise<{ readonly name: string; readonly version: string }>;

  /** Reserves what a pod's containers share (an address) and returns the sandbox's id. */
  runPodSandbox(config: PodSandboxConfig): Promise<string>;
  /** Kills whatever still runs in it. Idempotent. */
  stopPodSandbox(sandboxId: string): Promise<void>;
  /** Removes its containers and itself. Idempotent. */
  removePodSandbox(sandboxId: string): Promise<void>;
  listPodSandboxes(): Promise<readonly PodSandbox[]>;

  createContainer(sandboxId: string, config: ContainerConfig): Promise<string>;
  /** Rejects with `RuntimeError` where the program cannot be started at all. */
  startContainer(containerId: string): Promise<void>;
  /** SIGTERM, then SIGKILL after `graceMs`; resolves when the container has exited. */
  stopContainer(containerId: string, graceMs: number): Promise<void>;
  removeContainer(containerId: string): Promise<void>;
  listContainers(): Promise<readonly ContainerState[]>;

  /** Runs a command beside the container's process, in its environment. */
  execSync(containerId: string, command: readonly string[], timeoutMs: number): Promise<ExecResult>;

  /** Called with a sandbox id when one of its containers changed state. */
  onChange(listener: (sandboxId: string) => void): () => void;
  /**
   * Lets go of the containers without stopping them; a new runtime on the same root finds them.
   * Stops and commands that are under way reject with `RuntimeError`.
   */
  close(): Promise<void>;
}

export interface RuntimeFeatures {
  /** False: `image` is recorded, and the program comes from the host by `command`. */
  readonly unpacksImages: boolean;
  /** Prefix of container ids in pod status, as `containerd` in `containerd://…`. */
  readonly scheme: string;
  /** Fields of a securityContext that are applied, or refused where they cannot be. */
  readonly securityFields: readonly string[];
}

export interface PodSandboxConfig {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Absolute folder under which the containers' logs are written. */
  readonly logDirectory: string;
}

export interface PodSandbox {
  readonly id: string;
  readonly config: PodSandboxConfig;
  readonly createdAtMs: number;
  readonly ip: string;
}

export interface Mount {
  readonly containerPath: string;
  readonly hostPath: string;
  /** Binding only where the runtime isolates file systems. */
  readonly readOnly: boolean;
}

/** Who a container's processes run as; what is undefined is the runtime's to choose. */
export interface ContainerUser {
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** Refuse to run as root, whoever is chosen. */
  readonly nonRoot: boolean;
}

export interface ContainerConfig {
  readonly name: string;
  /** Counts the starts of this container in its pod, from 0. */
  readonly attempt: number;
  readonly image: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly workingDir: string | undefined;
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly mounts: readonly Mount[];
  /** Undefined: as the runtime runs. */
  readonly user: ContainerUser | undefined;
  /** Under the sandbox's log directory. */
  readonly logPath: string;
  /** The agent's own notes, returned as they are. */
  readonly annotations: Readonly<Record<string, string>>;
}

export interface ContainerState {
  readonly id: string;
  readonly sandboxId: string;
  readonly name: string;
  readonly attempt: number;
  readonly image: string;
  readonly phase: "created" | "running" | "exited";
  readonly createdAtMs: number;
  readonly startedAtMs: number | undefined;
  readonly finishedAtMs: number | undefined;
  /** 128 + signal where a signal ended it; set when exited. */
  readonly exitCode: number | undefined;
  /** `Completed`, `Error`, `ContainerStatusUnknown`, …; set when exited. */
  readonly reason: string | undefined;
  readonly message: string | undefined;
  /** Absolute path of the CRI log file. */
  readonly logPath: string;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface ExecResult {
  readonly exitCode: number;
  /** Cut at 16 KiB each. */
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

/** A refusal that belongs in the container's status: `reason` is its waiting reason. */
export class RuntimeError extends Error {
  override readonly name: string = "RuntimeError";
  readonly reason: string;

  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
