/**
 * Keeps one pod as its spec says: observes, plans, acts, reports. One worker per pod uid; all of
 * its work runs in one loop, woken by changes of the spec, the containers or the probes, and by
 * the times that the plan names. Slow actions (starts, stops) run beside the loop, one a container.
 *
 * Owns: the pod's folder, probes, start failures. Does not own: the API object, the runtime.
 */
import { mkdirSync, rmSync } from "node:fs";
import { type Clock, errorText, type Logger, TaskGroup, type Timer } from "@sagong/base";
import type { Container, Pod, PodStatus } from "../../api/gen/core-v1.js";
import { type ContainerRuntime, RuntimeError } from "../runtime/runtime.js";
import { containerConfig } from "./container-config.js";
import { runLifecycleHandler } from "./lifecycle-handler.js";
import {
  activeDeadlineMs,
  DEFAULT_GRACE_SECONDS,
  type PodAction,
  planPod,
} from "./pod-lifecycle.js";
import {
  hasRun,
  isTerminating,
  type PodObservation,
  type StartFailure,
} from "./pod-observation.js";
import { podStatus } from "./pod-status.js";
import { ProbeRunner } from "./probe-runner.js";
import { ignoredSecurity } from "./security-context.js";
import { prepareVolumes, type VolumeContext, VolumeError, type VolumeSources } from "./volumes.js";

export interface PodWorkerOptions {
  /** The pod's own folder, for volumes. */
  readonly podDir: string;
  /** Where its containers' logs go. */
  readonly logDir: string;
  readonly hostIp: string;
  /** What every container finds in its environment. */
  readonly baseEnv: Readonly<Record<string, string>>;
}

export interface PodWorkerDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly runtime: ContainerRuntime;
  readonly sources: VolumeSources;
  readonly event: (pod: Pod, type: "Normal" | "Warning", reason: string, message: string) => void;
  /** The status to report; called after each pass, also when nothing changed. */
  readonly onStatus: (pod: Pod, status: PodStatus) => void;
  /** Everything has ended and is cleaned up; the API object may go. Called once. */
  readonly onFinished: (pod: Pod) => void;
}

/** A failed action is tried again after so long. */
const RETRY_MS = 2_000;
/** What SIGTERM gets at least, however much of the grace period preStop has used. */
const MIN_STOP_MS = 2_000;
/** Config maps and secrets in volumes are brought up to date so often: the kubelet's sync period. */
const VOLUME_REFRESH_MS = 60_000;

export class PodWorker {
  #pod: Pod;
  #reported: PodStatus | undefined;
  readonly #options: PodWorkerOptions;
  readonly #dependencies: PodWorkerDependencies;
  readonly #tasks: TaskGroup;
  readonly #busy = new Set<string>();
  readonly #probes = new Map<string, ProbeRunner>();
  readonly #startFailures = new Map<string, StartFailure>();
  readonly #closing = new AbortController();
  #volumes: PodObservation["volumes"] = "pending";
  #volumesAtMs = 0;
  #eviction: PodObservation["eviction"];
  #sandbox: PodObservation["sandbox"];
  #running = false;
  #again = false;
  #finished = false;
  #closed = false;
  #wake: { readonly atMs: number; readonly timer: Timer } | undefined;

  constructor(pod: Pod, options: PodWorkerOptions, dependencies: PodWorkerDependencies) {
    this.#pod = pod;
    this.#options = options;
    this.#dependencies = dependencies;
    this.#tasks = new TaskGroup((error, name) => {
      if (this.#closed) return; // Cut off by our own end; the next agent goes on from there.
      dependencies.logger.warn("pod action failed", { action: name, error: errorText(error) });
      this.#wakeIn(RETRY_MS);
    });
  }

  get pod(): Pod {
    return this.#pod;
  }

  update(pod: Pod): void {
    this.#pod = pod;
    this.kick();
  }

  /** The API object is gone without having waited for us: end it now, with its grace period. */
  forget(): void {
    if (isTerminating(this.#pod)) return this.kick();
    const deletionTimestamp = new Date(this.#dependencies.clock.wallMs()).toISOString();
    this.update({ ...this.#pod, metadata: { ...this.#pod.metadata, deletionTimestamp } });
  }

  /** Asks for one more pass of the loop. */
  kick(): void {
    if (this.#closed || this.#finished) return;
    this.#again = true;
    if (this.#running) return;
    this.#running = true;
    this.#tasks.run("sync", () =>
      this.#loop().finally(() => {
        this.#running = false;
      }),
    );
  }

  /**
   * Lets go of the pod without stopping anything. Begins nothing more from the call on; resolves
   * when what is under way has ended, which the runtime's close cuts short.
   */
  async close(): Promise<void> {
    this.#closed = true;
    this.#closing.abort(new Error("closed"));
    this.#wake?.timer.cancel();
    for (const probe of this.#probes.values()) probe.stop();
    await this.#tasks.settled();
  }

  async #loop(): Promise<void> {
    while (this.#again && !this.#closed && !this.#finished) {
      this.#again = false;
      await this.#sync();
    }
  }

  async #sync(): Promise<void> {
    const { clock } = this.#dependencies;
    await this.#refreshSandbox();
    this.#checkDeadline();
    let observation = await this.#observe();
    this.#keepProbes(observation);
    observation = { ...observation, probes: this.#probeResults() };
    const { actions, wakeAtMs } = planPod(observation);
    this.#report(observation);
    for (const action of actions) this.#act(action);
    const wakes = [wakeAtMs, this.#refreshVolumes(observation.nowMs)];
    const next = Math.min(...wakes.map((at) => at ?? Number.POSITIVE_INFINITY));
    if (Number.isFinite(next)) this.#wakeIn(Math.max(0, next - clock.wallMs()));
  }

  /** Begins a refresh that is due; else says when it will be. A refresh wakes the loop at its end. */
  #refreshVolumes(nowMs: number): number | undefined {
    if (this.#volumes !== "ready" || this.#busy.has("volumes")) return undefined;
    if (isTerminating(this.#pod) || (this.#pod.spec?.volumes ?? []).length === 0) return undefined;
    const dueMs = this.#volumesAtMs + VOLUME_REFRESH_MS;
    if (nowMs < dueMs) return dueMs;
    this.#exclusive("volumes", () => this.#prepareVolumes());
    return undefined;
  }

  async #observe(): Promise<PodObservation> {
    const containers = await this.#dependencies.runtime.listContainers();
    return {
      pod: this.#pod,
      reported: this.#reported,
      nowMs: this.#dependencies.clock.wallMs(),
      sandbox: this.#sandbox,
      containers: containers.filter(({ sandboxId }) => sandboxId === this.#sandbox?.id),
      probes: new Map(),
      startFailures: this.#startFailures,
      busy: this.#busy,
      volumes: this.#volumes,
      eviction: this.#eviction,
    };
  }

  async #refreshSandbox(): Promise<void> {
    if (this.#sandbox) return;
    const sandboxes = await this.#dependencies.runtime.listPodSandboxes();
    const found = sandboxes.find(({ config }) => config.uid === this.#pod.metadata.uid);
    if (found) this.#sandbox = { id: found.id, ip: found.ip };
  }

  #checkDeadline(): void {
    const deadlineMs = activeDeadlineMs(this.#pod);
    if (deadlineMs === undefined || this.#dependencies.clock.wallMs() < deadlineMs) return;
    if (this.#eviction || isTerminating(this.#pod)) return;
    const reason = "DeadlineExceeded";
    const message = "Pod was active on the node longer than the specified deadline";
    this.#eviction = { reason, message };
    this.#dependencies.event(this.#pod, "Normal", reason, message);
  }

  /** Probes for what runs, none for what does not. */
  #keepProbes(observation: PodObservation): void {
    const running = new Map(
      observation.containers
        .filter(({ phase }) => phase === "running")
        .map((container) => [container.id, container]),
    );
    for (const [id, runner] of this.#probes) {
      if (running.has(id) && !isTerminating(this.#pod)) continue;
      runner.stop();
      if (!running.has(id)) this.#probes.delete(id);
    }
    if (isTerminating(this.#pod)) return;
    for (const container of running.values()) {
      const spec = this.#specOf(container.name);
      if (!spec || this.#probes.has(container.id)) continue;
      const runner = new ProbeRunner(
        { container: spec, containerId: container.id, podIp: this.#sandbox?.ip ?? "" },
        {
          clock: this.#dependencies.clock,
          runtime: this.#dependencies.runtime,
          onChange: () => this.kick(),
          onFailure: (message) =>
            this.#dependencies.event(this.#pod, "Warning", "Unhealthy", message),
        },
      );
      this.#probes.set(container.id, runner);
      runner.start();
    }
  }

  #probeResults(): PodObservation["probes"] {
    return new Map([...this.#probes].map(([id, runner]) => [id, runner.results]));
  }

  #report(observation: PodObservation): void {
    const { runtime, onStatus } = this.#dependencies;
    const context = { hostIp: this.#options.hostIp, scheme: runtime.features.scheme };
    const before = backedOff(this.#reported);
    this.#reported = podStatus(observation, context);
    for (const name of backedOff(this.#reported)) {
      if (!before.has(name)) this.#tellBackOff(name);
    }
    onStatus(this.#pod, this.#reported);
  }

  #tellBackOff(container: string): void {
    const { name, namespace, uid } = this.#pod.metadata;
    const text = `Back-off restarting failed container ${container} in pod ${name}_${namespace}(${uid})`;
    this.#dependencies.event(this.#pod, "Warning", "BackOff", text);
  }

  #act(action: PodAction): void {
    switch (action.kind) {
      case "run-sandbox":
        return this.#exclusive("sandbox", () => this.#runSandbox());
      case "prepare-volumes":
        return this.#exclusive("volumes", () => this.#prepareVolumes());
      case "start-container":
        return this.#exclusive(action.container.name, () => this.#start(action));
      case "stop-container":
        return this.#exclusive(action.container.name, () => this.#stop(action));
      case "teardown":
        return this.#exclusive("teardown", () => this.#teardown());
    }
  }

  /** Runs `task` unless one of the same name is under way; the loop runs again after it. */
  #exclusive(name: string, task: () => Promise<void>): void {
    if (this.#busy.has(name) || this.#closed) return;
    this.#busy.add(name);
    this.#tasks.run(name, async () => {
      try {
        await task();
        this.#again = true;
      } finally {
        this.#busy.delete(name);
      }
      this.kick();
    });
  }

  async #runSandbox(): Promise<void> {
    const { runtime, event } = this.#dependencies;
    const { name = "", namespace = "", uid = "" } = this.#pod.metadata;
    const id = await runtime.runPodSandbox({
      name,
      namespace,
      uid,
      logDirectory: this.#options.logDir,
    });
    const sandbox = (await runtime.listPodSandboxes()).find((other) => other.id === id);
    this.#sandbox = sandbox && { id, ip: sandbox.ip };
    if (!runtime.features.unpacksImages) {
      event(
        this.#pod,
        "Normal",
        "ImageNotUnpacked",
        "This node runs containers as host processes: images are recorded, not unpacked, and each container's command is taken from the host",
      );
    }
    const ignored = ignoredSecurity(this.#pod, runtime.features.securityFields);
    if (ignored.length > 0) {
      event(
        this.#pod,
        "Warning",
        "SecurityContextNotApplied",
        `This node does not apply ${ignored.join(", ")}`,
      );
    }
  }

  async #prepareVolumes(): Promise<void> {
    const { clock, event } = this.#dependencies;
    try {
      await prepareVolumes(this.#volumeContext());
      this.#volumes = "ready";
    } catch (error) {
      if (!(error instanceof VolumeError)) throw error;
      event(this.#pod, "Warning", "FailedMount", `MountVolume.SetUp failed: ${error.message}`);
      if (this.#volumes !== "ready") this.#volumes = { message: error.message };
      throw error; // The task group logs it and wakes the loop for another try.
    } finally {
      this.#volumesAtMs = clock.wallMs();
    }
  }

  async #start(action: Extract<PodAction, { kind: "start-container" }>): Promise<void> {
    const { runtime, event, clock } = this.#dependencies;
    const { container, attempt, previous } = action;
    try {
      await this.#dropOldAttempts(container.name, attempt);
      mkdirSync(this.#options.logDir, { recursive: true });
      const place = { ...this.#volumeContext(), baseEnv: this.#options.baseEnv };
      const config = await containerConfig(container, { attempt, previous }, place);
      if (this.#closed) return; // Whoever closes the agent has seen by then what there is to end.
      const id = await runtime.createContainer(this.#sandbox?.id ?? "", config);
      event(this.#pod, "Normal", "Created", `Created container: ${container.name}`);
      await runtime.startContainer(id);
      event(this.#pod, "Normal", "Started", `Started container ${container.name}`);
      this.#startFailures.delete(container.name);
      await this.#postStart(container, id);
    } catch (error) {
      if (!(error instanceof RuntimeError) && !(error instanceof VolumeError)) throw error;
      const before = this.#startFailures.get(container.name);
      this.#startFailures.set(container.name, {
        reason: error instanceof RuntimeError ? error.reason : "CreateContainerConfigError",
        message: error.message,
        atMs: clock.wallMs(),
        count: (before?.count ?? 0) + 1,
      });
      event(this.#pod, "Warning", "Failed", `Error: ${error.message}`);
    }
  }

  /** A container whose postStart fails is ended, and starts again by the restart policy. */
  async #postStart(container: Container, containerId: string): Promise<void> {
    const { runtime, event } = this.#dependencies;
    const failure = await this.#runHook(container, "postStart", { containerId });
    if (failure === undefined) return;
    event(this.#pod, "Warning", "FailedPostStartHook", `PostStartHook failed: ${failure}`);
    const seconds = this.#pod.spec?.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
    event(this.#pod, "Normal", "Killing", "FailedPostStartHook");
    await runtime.stopContainer(containerId, seconds * 1000);
  }

  /** Resolves with undefined where all is well or there is no such hook; else with what failed. */
  async #runHook(
    container: Container,
    kind: "postStart" | "preStop",
    { containerId, timeoutMs }: { readonly containerId: string; readonly timeoutMs?: number },
  ): Promise<string | undefined> {
    const hook = container.lifecycle?.[kind];
    if (!hook) return undefined;
    const { runtime, clock } = this.#dependencies;
    return runLifecycleHandler(hook, {
      runtime,
      clock,
      container,
      containerId,
      podIp: this.#sandbox?.ip ?? "",
      signal: this.#closing.signal,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
  }

  async #stop(action: Extract<PodAction, { kind: "stop-container" }>): Promise<void> {
    const { runtime, event, clock } = this.#dependencies;
    const { container, containerId, graceMs, message } = action;
    event(this.#pod, "Normal", "Killing", message || `Stopping container ${container.name}`);
    const startMs = clock.monotonicMs();
    if (graceMs > 0) {
      // Counts inside the grace period, of which at least two seconds are left for SIGTERM.
      const hook = { containerId, timeoutMs: graceMs };
      const failure = await this.#runHook(container, "preStop", hook);
      if (failure !== undefined) event(this.#pod, "Warning", "FailedPreStopHook", failure);
    }
    if (this.#closed) return; // The next agent stops it.
    const leftMs = graceMs - (clock.monotonicMs() - startMs);
    await runtime.stopContainer(containerId, graceMs > 0 ? Math.max(leftMs, MIN_STOP_MS) : 0);
  }

  async #teardown(): Promise<void> {
    const { runtime, onFinished } = this.#dependencies;
    this.#report(await this.#observe());
    if (this.#sandbox) await runtime.removePodSandbox(this.#sandbox.id);
    rmSync(this.#options.podDir, { recursive: true, force: true });
    rmSync(this.#options.logDir, { recursive: true, force: true });
    this.#finished = true;
    this.#wake?.timer.cancel();
    onFinished(this.#pod);
  }

  /** Keeps the last ended attempt (for lastState and `logs --previous`), drops older ones. */
  async #dropOldAttempts(name: string, next: number): Promise<void> {
    const { runtime } = this.#dependencies;
    for (const container of await runtime.listContainers()) {
      const ours = container.sandboxId === this.#sandbox?.id && container.name === name;
      if (ours && (container.attempt < next - 1 || !hasRun(container))) {
        await runtime.removeContainer(container.id);
      }
    }
  }

  #volumeContext(): VolumeContext {
    return {
      pod: this.#pod,
      podDir: this.#options.podDir,
      podIp: this.#sandbox?.ip ?? "",
      hostIp: this.#options.hostIp,
      sources: this.#dependencies.sources,
    };
  }

  #specOf(name: string): Container | undefined {
    const { containers = [], initContainers = [] } = this.#pod.spec ?? {};
    return [...containers, ...initContainers].find((container) => container.name === name);
  }

  #wakeIn(delayMs: number): void {
    if (this.#closed || this.#finished) return;
    const { clock } = this.#dependencies;
    const atMs = clock.monotonicMs() + delayMs;
    if (this.#wake && this.#wake.atMs <= atMs) return; // The earliest of several counts.
    this.#wake?.timer.cancel();
    const timer = clock.schedule(delayMs, () => {
      this.#wake = undefined;
      this.kick();
    });
    this.#wake = { atMs, timer };
  }
}

/** The containers that wait for their next start. */
function backedOff(status: PodStatus | undefined): ReadonlySet<string> {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const waiting = all.filter(({ state }) => state?.waiting?.reason === "CrashLoopBackOff");
  return new Set(waiting.map(({ name }) => name));
}
