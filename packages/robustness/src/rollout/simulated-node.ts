/**
 * A node: the agent's real informer, status manager and heartbeat, around pods that only pretend. What
 * a pod does is written in its annotations: how long it takes to be ready, how often it crashes at
 * first, whether it is ever ready. Pods live on the machine: a new agent finds them, a power loss
 * ends them, and they start again.
 */
import { randomBelow, silentLogger, type Timer } from "@sagong/base";
import { isApiError, keyOf, type Pod, PODS, type Resource } from "@sagong/orchestrator/api";
import type { ObjectClient } from "@sagong/orchestrator/client";
import { Heartbeat, Informer, type NodeFacts, StatusManager } from "@sagong/orchestrator/parts";
import type { World } from "../world/world.js";
import { EPOCH_MS, SimulatedProcess } from "./simulated-process.js";

export const READY_MS_ANNOTATION = "simulation/ready-ms";
/** How often it crashes before it stays up; `-1`: it is never ready. */
export const CRASHES_ANNOTATION = "simulation/crashes";

/** How long a container runs before it crashes, and waits before it is started again. */
const CRASH_MS = 1_500;
const STOP_MAX_MS = 2_000;
const FINISH_RETRY_MS = 1_000;

/** What runs on the machine for one pod. */
interface Container {
  pod: Pod;
  isReady: boolean;
  restarts: number;
  /** Seconds since the epoch as text: when readiness last changed. */
  changedAt: string;
  timer: Timer | undefined;
  isStopping: boolean;
}

export interface SimulatedNodeOptions {
  readonly world: World;
  readonly name: string;
  readonly index: number;
  readonly connect: (process: SimulatedProcess) => ObjectClient;
}

interface Agent {
  readonly process: SimulatedProcess;
  readonly client: ObjectClient;
  readonly statuses: StatusManager;
}

export class SimulatedNode {
  readonly name: string;
  readonly #options: SimulatedNodeOptions;
  readonly #containers = new Map<string, Container>();
  #agent: Agent | undefined;

  constructor(options: SimulatedNodeOptions) {
    this.#options = options;
    this.name = options.name;
    this.start();
  }

  /** UIDs of the pods that run here. */
  get running(): readonly string[] {
    return [...this.#containers.keys()];
  }

  start(): void {
    if (this.#agent) return;
    const { world, connect } = this.#options;
    const process = new SimulatedProcess(world, this.name);
    const client = connect(process);
    const dependencies = { client, clock: process.clock, logger: silentLogger };
    const agent = { process, client, statuses: new StatusManager(dependencies) };
    this.#agent = agent;
    new Heartbeat(this.#facts(), dependencies).start();
    const fieldSelector = `spec.nodeName=${this.name}`;
    const informer = new Informer<Pod>(
      { resource: PODS as Resource<Pod>, fieldSelector },
      dependencies,
    );
    informer.onChange((now, before) => {
      if (now) this.#take(agent, now);
      else if (before) this.#drop(before.metadata.uid ?? "");
    });
    informer.start();
    void informer.synced().then(() => this.#removeOrphans(informer));
    // What ran on while no agent did goes on under this one.
    for (const container of this.#containers.values()) this.#schedule(agent, container);
  }

  /** kill -9 of the agent; with `power` of the machine. */
  kill(power: boolean): void {
    this.#agent?.process.kill();
    this.#agent = undefined;
    for (const container of this.#containers.values()) {
      container.timer?.cancel();
      container.timer = undefined;
      container.isStopping = false;
    }
    if (power) for (const one of this.#containers.values()) this.#crashed(one);
  }

  pause(forMs: number): void {
    this.#agent?.process.pause(forMs);
  }

  /** One of its ready pods is not ready for a while. False where there is none. */
  hiccup(forMs: number): boolean {
    const agent = this.#agent;
    const ready = [...this.#containers.values()].filter((one) => one.isReady && !one.isStopping);
    if (!agent || ready.length === 0) return false;
    const one = ready[randomBelow(agent.process.random, ready.length)];
    if (!one) return false;
    this.#setReady(agent, one, false);
    one.timer = agent.process.gate.after(forMs, () => this.#setReady(agent, one, true));
    return true;
  }

  #take(agent: Agent, pod: Pod): void {
    const uid = pod.metadata.uid ?? "";
    const known = this.#containers.get(uid);
    const container = known ?? {
      pod,
      isReady: false,
      restarts: 0,
      changedAt: this.#nowText(),
      timer: undefined,
      isStopping: false,
    };
    container.pod = pod;
    this.#containers.set(uid, container);
    if (pod.metadata.deletionTimestamp !== undefined) return this.#stop(agent, container);
    if (!known) this.#schedule(agent, container);
    this.#report(agent, container);
  }

  /** What comes next in its life. */
  #schedule(agent: Agent, container: Container): void {
    if (container.pod.metadata.deletionTimestamp !== undefined) {
      return this.#stop(agent, container);
    }
    if (container.isReady || container.timer) return;
    const annotations = container.pod.metadata.annotations ?? {};
    const crashes = Number(annotations[CRASHES_ANNOTATION] ?? "0");
    const isDoomed = crashes < 0 || container.restarts < crashes;
    const readyMs = Number(annotations[READY_MS_ANNOTATION] ?? "0");
    container.timer = agent.process.gate.after(isDoomed ? CRASH_MS : readyMs, () => {
      container.timer = undefined;
      if (!isDoomed) return this.#setReady(agent, container, true);
      this.#crashed(container);
      this.#report(agent, container);
      // A pod that is never ready waits longer and longer; once is enough here.
      if (crashes >= 0) this.#schedule(agent, container);
    });
  }

  #crashed(container: Container): void {
    container.isReady = false;
    container.restarts++;
    container.changedAt = this.#nowText();
  }

  #setReady(agent: Agent, container: Container, isReady: boolean): void {
    container.timer = undefined;
    if (container.isStopping || container.isReady === isReady) return;
    container.isReady = isReady;
    container.changedAt = this.#nowText();
    this.#report(agent, container);
  }

  /** SIGTERM, its end, and then the object's. */
  #stop(agent: Agent, container: Container): void {
    if (container.isStopping) return;
    container.isStopping = true;
    container.timer?.cancel();
    const { gate, random } = agent.process;
    container.timer = gate.after(randomBelow(random, STOP_MAX_MS), () => {
      container.isReady = false;
      void this.#finish(agent, container.pod);
    });
  }

  async #finish(agent: Agent, pod: Pod): Promise<void> {
    const uid = pod.metadata.uid ?? "";
    agent.statuses.remove(uid);
    try {
      const preconditions = { uid };
      await agent.client.delete(PODS, keyOf(pod), { gracePeriodSeconds: 0, preconditions });
    } catch (error) {
      if (!isApiError(error, "NotFound", "Conflict")) {
        agent.process.gate.after(FINISH_RETRY_MS, () => void this.#finish(agent, pod));
        return;
      }
    }
    this.#containers.delete(uid);
  }

  #drop(uid: string): void {
    this.#containers.get(uid)?.timer?.cancel();
    this.#containers.delete(uid);
  }

  #removeOrphans(informer: Informer<Pod>): void {
    const known = new Set(informer.list().map(({ metadata }) => metadata.uid));
    for (const uid of this.#containers.keys()) if (!known.has(uid)) this.#drop(uid);
  }

  #report(agent: Agent, { pod, isReady, restarts, changedAt }: Container): void {
    if (pod.metadata.deletionTimestamp !== undefined) return;
    const ready = isReady ? "True" : "False";
    const { name = "main", image = "" } = pod.spec?.containers[0] ?? {};
    const state = { running: { startedAt: changedAt } };
    agent.statuses.set(pod, {
      phase: "Running",
      hostIP: `10.1.0.${this.#options.index + 1}`,
      podIP: `10.2.${this.#options.index}.9`,
      startTime: pod.metadata.creationTimestamp,
      conditions: [
        { type: "Ready", status: ready, lastTransitionTime: changedAt },
        { type: "ContainersReady", status: ready, lastTransitionTime: changedAt },
      ],
      containerStatuses: [
        { name, image, imageID: "", ready: isReady, restartCount: restarts, started: true, state },
      ],
    });
  }

  #nowText(): string {
    const wallMs = EPOCH_MS + this.#options.world.nowMs;
    return `${new Date(wallMs).toISOString().slice(0, 19)}Z`;
  }

  #facts(): NodeFacts {
    const { name, index } = this.#options;
    return {
      name,
      address: `10.1.0.${index + 1}`,
      port: 10_250,
      podCidr: `10.2.${index}.0/24`,
      labels: {},
      cpus: 4,
      memoryBytes: 8 * 2 ** 30,
      maxPods: 110,
      system: {
        machineId: name,
        systemUuid: name,
        bootId: name,
        kernelVersion: "0",
        osImage: "simulated",
        operatingSystem: "linux",
        architecture: "amd64",
        runtimeVersion: "simulated://0",
        agentVersion: "0",
      },
    };
  }
}
