/**
 * The node agent: registers its node, keeps the pods that are bound to it as their specs say, and
 * serves their logs. The composition of this folder; every part has its own file.
 *
 *   Informer ▶ PodWorker (one a pod) ▶ ContainerRuntime
 *                  └▶ StatusManager ▶ API          Heartbeat ▶ API          AgentServer ▶ logs
 *
 * An agent may die at any point and be started again on the same data directory: containers run
 * on, and the new agent takes them up by the pod's uid.
 */
import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Clock, delay, errorText, type Logger, type Random, TaskGroup } from "@sagong/base";
import { isApiError } from "../api/api-status.js";
import type { ConfigMap, ObjectReference, Pod, Secret } from "../api/gen/core-v1.js";
import { keyOf, keyText } from "../api/resource.js";
import { CONFIG_MAPS, PODS, SECRETS } from "../api/resources.js";
import type { ObjectClient } from "../client/object-client.js";
import { EventRecorder } from "../controller/event-recorder.js";
import { Informer } from "../informer/informer.js";
import { AgentServer, type AgentServerOptions } from "./agent-server.js";
import { findContainerLog } from "./container-logs.js";
import { Heartbeat } from "./heartbeat.js";
import { readNodeFacts } from "./node-facts.js";
import { PodWorker } from "./pod/pod-worker.js";
import type { VolumeSources } from "./pod/volumes.js";
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
/** A pod object that could not be removed is tried again after so long. */
const FINISH_RETRY_MS = 1_000;

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
  /** By uid: a pod that is deleted and made again under its name is another pod. */
  readonly #workers = new Map<string, PodWorker>();
  readonly #statuses: StatusManager;
  readonly #events: EventRecorder;
  readonly #pods: Informer<Pod>;
  readonly #tasks: TaskGroup;
  readonly #closing = new AbortController();
  #heartbeat: Heartbeat | undefined;
  #server: AgentServer | undefined;

  constructor(options: NodeAgentOptions, dependencies: NodeAgentDependencies) {
    this.#options = { ...options, dataDir: resolve(options.dataDir) };
    this.#dependencies = dependencies;
    this.#statuses = new StatusManager(dependencies);
    const source = { component: "kubelet", host: options.nodeName };
    this.#events = new EventRecorder(source, dependencies);
    const fieldSelector = `spec.nodeName=${options.nodeName}`;
    this.#pods = new Informer({ resource: PODS, fieldSelector }, dependencies);
    this.#pods.onChange((now, before) => this.#take(now, before));
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
    const pods = (): Pod[] => [...this.#workers.values()].map(({ pod }) => pod);
    this.#server = await AgentServer.listen(
      { host: address, port, tls },
      { clock, logger, findLog: (request) => findContainerLog(request, { runtime, pods }) },
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
    this.#tasks.run("orphans", () => this.#removeOrphans());
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("closed"));
    // From here on they begin nothing; what is under way ends with the runtime below.
    const workers = [...this.#workers.values()].map((worker) => worker.close());
    await this.#pods.close();
    await this.#heartbeat?.close();
    await this.#shutDownContainers(this.#options.shutdownGraceMs ?? 0);
    await this.#dependencies.runtime.close();
    await Promise.all(workers);
    await this.#statuses.close();
    await this.#events.close();
    await this.#server?.close();
    await this.#tasks.settled();
  }

  async #shutDownContainers(graceMs: number): Promise<void> {
    if (graceMs === 0) return;
    const { runtime, logger } = this.#dependencies;
    // Those that are just being started as well: nobody else would end them.
    const left = (await runtime.listContainers()).filter(({ phase }) => phase !== "exited");
    logger.info("shutting containers down", { count: left.length, graceMs });
    await Promise.all(left.map(({ id }) => runtime.stopContainer(id, graceMs)));
  }

  #take(now: Pod | undefined, before: Pod | undefined): void {
    const uid = (now ?? before)?.metadata.uid ?? "";
    const worker = this.#workers.get(uid);
    if (!now) worker?.forget();
    else if (!worker) this.#add(uid, now);
    else if (worker.pod.metadata.resourceVersion !== now.metadata.resourceVersion) {
      worker.update(now);
    }
  }

  #add(uid: string, pod: Pod): void {
    const { clock, logger, runtime } = this.#dependencies;
    const { name = "", namespace = "" } = pod.metadata;
    const worker = new PodWorker(
      pod,
      {
        podDir: this.#podDir(uid),
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
          this.#events.record({ about: podReference(target), type, reason, message }),
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
    while (!(await this.#removeObject(uid, pod))) {
      const { signal } = this.#closing;
      // At our close the object stays: the next agent finds it without containers, and removes it.
      await delay(this.#dependencies.clock, FINISH_RETRY_MS, signal).catch(() => {});
      if (signal.aborted) return;
    }
    await this.#workers.get(uid)?.close();
    this.#workers.delete(uid);
  }

  /** False where it must be tried again. */
  async #removeObject(uid: string, pod: Pod): Promise<boolean> {
    const { client, logger } = this.#dependencies;
    try {
      const preconditions = { uid };
      const { signal } = this.#closing;
      await client.delete(PODS, keyOf(pod), { gracePeriodSeconds: 0, preconditions, signal });
      return true;
    } catch (error) {
      // Gone already, or a newer pod has the name: either way ours is no more.
      if (isApiError(error, "NotFound", "Conflict")) return true;
      if (this.#closing.signal.aborted) return false;
      logger.warn("pod object could not be removed", {
        pod: keyText(keyOf(pod)),
        error: errorText(error),
      });
      return false;
    }
  }

  /** Sandboxes whose pod was deleted while no agent ran, with their folders. */
  async #removeOrphans(): Promise<void> {
    const { runtime, logger } = this.#dependencies;
    const { signal } = this.#closing;
    const closed = new Promise<void>((done) => signal.addEventListener("abort", () => done()));
    await Promise.race([this.#pods.synced(), closed]);
    if (signal.aborted) return;
    const known = new Set(this.#pods.list().map(({ metadata }) => metadata.uid));
    for (const { id, config } of await runtime.listPodSandboxes()) {
      if (known.has(config.uid) || this.#workers.has(config.uid)) continue;
      logger.info("removing a pod that is no longer in the cluster", {
        pod: `${config.namespace}/${config.name}`,
      });
      await runtime.removePodSandbox(id);
      rmSync(this.#podDir(config.uid), { recursive: true, force: true });
      rmSync(config.logDirectory, { recursive: true, force: true });
    }
  }

  async #kick(sandboxId: string): Promise<void> {
    const sandboxes = await this.#dependencies.runtime.listPodSandboxes();
    const uid = sandboxes.find(({ id }) => id === sandboxId)?.config.uid;
    if (uid !== undefined) this.#workers.get(uid)?.kick();
  }

  #podDir(uid: string): string {
    return join(this.#options.dataDir, "pods", uid);
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
    const { signal } = this.#closing;
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
        optional(client.get(CONFIG_MAPS, { namespace, name }, { signal })),
      secret: (name): Promise<Secret | undefined> =>
        optional(client.get(SECRETS, { namespace, name }, { signal })),
    };
  }
}

function podReference({ metadata }: Pod): ObjectReference {
  const { name, namespace, uid, resourceVersion } = metadata;
  return { apiVersion: "v1", kind: "Pod", name, namespace, uid, resourceVersion };
}
