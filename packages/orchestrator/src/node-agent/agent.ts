/**
 * The node agent: registers its node, keeps the pods that are bound to it as their specs say, and
 * serves their logs. The composition of this folder; every part has its own file.
 *
 *   PodSource ▶ PodWorker (one a pod) ▶ ContainerRuntime
 *                   └▶ StatusManager ▶ API          Heartbeat ▶ API          AgentServer ▶ logs
 *
 * An agent may die at any point and be started again on the same data directory: containers run
 * on, and the new agent takes them up by the pod's uid.
 */
import { join, resolve } from "node:path";
import { type Clock, errorText, type Logger, type Random, TaskGroup } from "@sagong/base";
import { isApiError } from "../api/api-status.js";
import type { ConfigMap, Pod, Secret } from "../api/gen/core-v1.js";
import { keyOf, keyText } from "../api/resource.js";
import { CONFIG_MAPS, PODS, SECRETS } from "../api/resources.js";
import type { ObjectClient } from "../client/object-client.js";
import { AgentServer, type AgentServerOptions, type ContainerLog } from "./agent-server.js";
import { Heartbeat } from "./heartbeat.js";
import { readNodeFacts } from "./node-facts.js";
import { isTerminating } from "./pod/pod-observation.js";
import { PodWorker } from "./pod/pod-worker.js";
import type { VolumeSources } from "./pod/volumes.js";
import { type PodEvent, PodEvents } from "./pod-events.js";
import { PodSource } from "./pod-source.js";
import type { ContainerRuntime } from "./runtime/runtime.js";
import { StatusManager } from "./status-manager.js";

export interface NodeAgentOptions {
  readonly nodeName: string;
  readonly dataDir: string;
  /** The node's InternalIP; the log server listens there. */
  readonly address: string;
  /** Port of the log server; 0 for a free one. */
  readonly port: number;
  readonly tls: AgentServerOptions["tls"];
  readonly podCidr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly maxPods?: number;
  /** Host and port that pods find in KUBERNETES_SERVICE_HOST and _PORT. */
  readonly apiServer?: { readonly host: string; readonly port: number };
  readonly agentVersion: string;
  /**
   * The kubelet's --shutdown-grace-period (KEP-2000): `close` then ends all containers, each with so
   * long to stop. 0 or left out: they run on, for the next agent to take up.
   */
  readonly shutdownGraceMs?: number;
  /** PATH and the like, which under a container runtime would come from the image. */
  readonly hostEnv: Readonly<Record<string, string>>;
}

export interface NodeAgentDependencies {
  readonly client: ObjectClient;
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface NodeAgent {
  readonly port: number;
  /** Leaves containers running, unless there is a `shutdownGraceMs`. */
  close(): Promise<void>;
}

/** The kubelet's default. */
const MAX_PODS = 110;

export async function startNodeAgent(
  options: NodeAgentOptions,
  dependencies: NodeAgentDependencies,
): Promise<NodeAgent> {
  const agent = new Agent(options, dependencies);
  await agent.start();
  return agent;
}

class Agent implements NodeAgent {
  readonly #options: NodeAgentOptions;
  readonly #dependencies: NodeAgentDependencies;
  readonly #workers = new Map<string, PodWorker>();
  readonly #statuses: StatusManager;
  readonly #events: PodEvents;
  readonly #pods: PodSource;
  readonly #tasks: TaskGroup;
  #heartbeat: Heartbeat | undefined;
  #server: AgentServer | undefined;
  #adopted = false;

  constructor(options: NodeAgentOptions, dependencies: NodeAgentDependencies) {
    this.#options = { ...options, dataDir: resolve(options.dataDir) };
    this.#dependencies = dependencies;
    this.#statuses = new StatusManager(dependencies);
    this.#events = new PodEvents(options.nodeName, dependencies);
    this.#pods = new PodSource(options.nodeName, {
      ...dependencies,
      onPods: (pods) => this.#reconcile(pods),
    });
    this.#tasks = new TaskGroup((error, name) =>
      dependencies.logger.error("agent task failed", { task: name, error: errorText(error) }),
    );
  }

  get port(): number {
    return this.#server?.port ?? this.#options.port;
  }

  async start(): Promise<void> {
    const { runtime, clock, logger } = this.#dependencies;
    const { address, port, tls } = this.#options;
    this.#server = await AgentServer.listen(
      { host: address, port, tls },
      { clock, logger, findLog: (request) => this.#findLog(request) },
    );
    const { name, version } = await runtime.version();
    const facts = readNodeFacts({
      name: this.#options.nodeName,
      address,
      port: this.#server.port,
      podCidr: this.#options.podCidr,
      labels: this.#options.labels ?? {},
      maxPods: this.#options.maxPods ?? MAX_PODS,
      runtimeVersion: `${name}://${version}`,
      agentVersion: this.#options.agentVersion,
    });
    this.#heartbeat = new Heartbeat(facts, this.#dependencies);
    this.#heartbeat.start();
    runtime.onChange((sandboxId) => this.#tasks.run("change", () => this.#kick(sandboxId)));
    this.#pods.start();
  }

  async close(): Promise<void> {
    await this.#pods.close();
    await this.#heartbeat?.close();
    await Promise.all([...this.#workers.values()].map((worker) => worker.close()));
    await this.#statuses.close();
    await this.#events.close();
    await this.#server?.close();
    await this.#tasks.settled();
    await this.#shutDownContainers(this.#options.shutdownGraceMs ?? 0);
    await this.#dependencies.runtime.close();
  }

  async #shutDownContainers(graceMs: number): Promise<void> {
    if (graceMs === 0) return;
    const { runtime, logger } = this.#dependencies;
    const running = (await runtime.listContainers()).filter(({ phase }) => phase === "running");
    logger.info("shutting containers down", { count: running.length, graceMs });
    await Promise.all(running.map(({ id }) => runtime.stopContainer(id, graceMs)));
  }

  #reconcile(pods: ReadonlyMap<string, Pod>): void {
    for (const [uid, pod] of pods) {
      const worker = this.#workers.get(uid);
      if (!worker) this.#add(uid, pod);
      else if (worker.pod.metadata.resourceVersion !== pod.metadata.resourceVersion) {
        worker.update(pod);
      }
    }
    for (const [uid, worker] of this.#workers) {
      if (!pods.has(uid)) worker.forget();
    }
    if (this.#adopted) return;
    this.#adopted = true;
    this.#tasks.run("orphans", () => this.#removeOrphans(pods));
  }

  #add(uid: string, pod: Pod): void {
    const { clock, logger, runtime } = this.#dependencies;
    const { name = "", namespace = "" } = pod.metadata;
    const worker = new PodWorker(
      pod,
      {
        podDir: join(this.#options.dataDir, "pods", uid),
        logDir: join(this.#options.dataDir, "logs", "pods", `${namespace}_${name}_${uid}`),
        hostIp: this.#options.address,
        baseEnv: this.#baseEnv(),
      },
      {
        clock,
        runtime,
        logger: logger.with({ pod: keyText(keyOf(pod)) }),
        sources: this.#sources(namespace),
        event: (target, type, reason, message) =>
          this.#events.record({ pod: target, type, reason, message } satisfies PodEvent),
        onStatus: (target, status) => this.#statuses.set(target, status),
        onFinished: (target) => this.#tasks.run("finish", () => this.#finish(uid, target)),
      },
    );
    this.#workers.set(uid, worker);
    worker.kick();
  }

  /** The last step of a graceful deletion: all is gone here, so the object may go too. */
  async #finish(uid: string, pod: Pod): Promise<void> {
    await this.#statuses.flush(uid);
    this.#statuses.remove(uid);
    try {
      await this.#dependencies.client.delete(PODS, keyOf(pod), {
        gracePeriodSeconds: 0,
        preconditions: { uid },
      });
    } catch (error) {
      // Gone already, or a newer pod has the name: either way ours is no more.
      if (!isApiError(error, "NotFound", "Conflict")) {
        this.#dependencies.logger.warn("pod object could not be removed", {
          pod: keyText(keyOf(pod)),
          error: errorText(error),
        });
        await new Promise<void>((done) => void this.#dependencies.clock.schedule(1000, done));
        return this.#finish(uid, pod);
      }
    }
    await this.#workers.get(uid)?.close();
    this.#workers.delete(uid);
  }

  /** Sandboxes whose pod was deleted while no agent ran. */
  async #removeOrphans(pods: ReadonlyMap<string, Pod>): Promise<void> {
    const { runtime, logger } = this.#dependencies;
    for (const { id, config } of await runtime.listPodSandboxes()) {
      if (pods.has(config.uid)) continue;
      logger.info("removing a pod that is no longer in the cluster", {
        pod: `${config.namespace}/${config.name}`,
      });
      await runtime.removePodSandbox(id);
    }
  }

  async #kick(sandboxId: string): Promise<void> {
    const sandboxes = await this.#dependencies.runtime.listPodSandboxes();
    const uid = sandboxes.find(({ id }) => id === sandboxId)?.config.uid;
    if (uid !== undefined) this.#workers.get(uid)?.kick();
  }

  #baseEnv(): Readonly<Record<string, string>> {
    const { apiServer, hostEnv } = this.#options;
    if (!apiServer) return hostEnv;
    return {
      ...hostEnv,
      KUBERNETES_SERVICE_HOST: apiServer.host,
      KUBERNETES_SERVICE_PORT: String(apiServer.port),
    };
  }

  #sources(namespace: string): VolumeSources {
    const { client } = this.#dependencies;
    const optional = async <T>(get: Promise<T>): Promise<T | undefined> => {
      try {
        return await get;
      } catch (error) {
        if (isApiError(error, "NotFound")) return undefined;
        throw error;
      }
    };
    return {
      configMap: (name): Promise<ConfigMap | undefined> =>
        optional(client.get(CONFIG_MAPS, { namespace, name })),
      secret: (name): Promise<Secret | undefined> =>
        optional(client.get(SECRETS, { namespace, name })),
    };
  }

  async #findLog(request: {
    readonly namespace: string;
    readonly pod: string;
    readonly container: string;
    readonly previous: boolean;
  }): Promise<ContainerLog | { readonly error: string }> {
    const { runtime } = this.#dependencies;
    const { namespace, pod, container, previous } = request;
    const worker = [...this.#workers.values()].findLast(
      ({ pod: { metadata } }) => metadata.name === pod && metadata.namespace === namespace,
    );
    if (!worker) return { error: `pod "${pod}" is not on this node` };
    const uid = worker.pod.metadata.uid;
    const sandbox = (await runtime.listPodSandboxes()).find(({ config }) => config.uid === uid);
    const attempts = (await runtime.listContainers())
      .filter(({ sandboxId, name }) => sandboxId === sandbox?.id && name === container)
      .toSorted((a, b) => b.attempt - a.attempt);
    const found = attempts[previous ? 1 : 0];
    if (!found) {
      return previous
        ? { error: `previous terminated container "${container}" in pod "${pod}" not found` }
        : {
            error: `container "${container}" in pod "${pod}" is waiting to start: ${waitingReason(worker.pod, container)}`,
          };
    }
    let running = found.phase !== "exited";
    const stop = runtime.onChange(() => {
      void runtime.listContainers().then((all) => {
        running = all.some(({ id, phase }) => id === found.id && phase !== "exited");
        if (!running) stop();
      });
    });
    return { path: found.logPath, isRunning: () => running && !isGone(this.#workers, uid) };
  }
}

function isGone(workers: ReadonlyMap<string, PodWorker>, uid: string | undefined): boolean {
  return !workers.has(uid ?? "");
}

function waitingReason(pod: Pod, container: string): string {
  if (isTerminating(pod)) return "Terminating";
  const status = pod.status?.containerStatuses?.find(({ name }) => name === container);
  return status?.state?.waiting?.reason ?? "ContainerCreating";
}
