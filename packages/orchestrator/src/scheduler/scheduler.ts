/**
 * The scheduler's loop: informers fill the cache and the queue; one pod after the other is given a
 * node (a pure choice), assumed there, and bound while the next one is being decided.
 *
 * S1 a pod is in the queue or in the cache, never in both: what has a node is not waiting for one.
 * S2 a binding that fails is forgotten before the pod is tried again.
 */
import { type Clock, errorText, type Logger, type Random, TaskGroup } from "@sagong/base";
import { isApiError } from "../api/api-status.js";
import type { Binding, Node, Pod } from "../api/gen/core-v1.js";
import { type KubeObject, keyOf, keyText } from "../api/resource.js";
import { PODS } from "../api/resources.js";
import type { ObjectClient } from "../client/object-client.js";
import type { EventRecorder } from "../controller/event-recorder.js";
import type { Informer } from "../informer/informer.js";
import { chooseNode, type Plugins } from "./framework/choose-node.js";
import { ClusterCache } from "./framework/cluster-cache.js";
import { isSchedulingRelevant } from "./framework/node-change.js";
import { SchedulingQueue } from "./queue/scheduling-queue.js";

export const DEFAULT_SCHEDULER_NAME = "default-scheduler";

export interface SchedulerDependencies {
  readonly client: ObjectClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
  readonly recorder: EventRecorder;
  readonly plugins: Plugins;
}

/** Bindings under way; more wait until some are through. */
const MAX_BINDINGS = 64;

export class Scheduler {
  readonly #dependencies: SchedulerDependencies;
  readonly #cache = new ClusterCache();
  readonly #queue: SchedulingQueue;
  readonly #tasks: TaskGroup;
  readonly #bindings = new Set<Promise<void>>();
  #closed = false;

  constructor(dependencies: SchedulerDependencies) {
    this.#dependencies = dependencies;
    this.#queue = new SchedulingQueue(dependencies.clock);
    this.#tasks = new TaskGroup((error, task) =>
      dependencies.logger.error("scheduling task failed", { task, error: errorText(error) }),
    );
  }

  /** Call once the informers are in sync. */
  start(): void {
    this.#dependencies.nodes.onChange((now, before) => this.#onNode(now, before));
    this.#dependencies.pods.onChange((now, before) => this.#onPod(now, before));
    this.#tasks.run("schedule", () => this.#run());
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#queue.close();
    await this.#tasks.settled();
  }

  #onNode(now: Node | undefined, before: Node | undefined): void {
    const name = (now ?? before)?.metadata.name ?? "";
    this.#cache.setNode(name, now);
    if (now && isSchedulingRelevant(now, before)) this.#queue.moveAll();
  }

  #onPod(now: Pod | undefined, before: Pod | undefined): void {
    const pod = now ?? before;
    if (this.#closed || !pod) return;
    const key = keyText(keyOf(pod));
    const isOver = now?.status?.phase === "Succeeded" || now?.status?.phase === "Failed";
    if (!now || isOver) {
      this.#queue.remove(key);
      const freed = this.#cache.hasPod(key);
      this.#cache.removePod(key);
      if (freed) this.#queue.moveAll();
      return;
    }
    if (now.spec?.nodeName) {
      this.#queue.remove(key);
      this.#cache.setPod(now, now.spec.nodeName);
    } else if (isOurs(now) && !this.#cache.hasPod(key)) {
      this.#queue.add(key, now);
    } else if (!isOurs(now)) {
      this.#queue.remove(key);
    }
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      const queued = await this.#queue.next();
      if (!queued) return;
      this.#tryPod(queued.key, queued.pod);
      if (this.#bindings.size >= MAX_BINDINGS) await Promise.race(this.#bindings);
    }
  }

  #tryPod(key: string, pod: Pod): void {
    const { plugins, random } = this.#dependencies;
    const gates = pod.spec?.schedulingGates ?? [];
    if (gates.length > 0) {
      const message = "Scheduling is blocked due to non-empty scheduling gates";
      this.#queue.giveBackUnschedulable(key);
      this.#tasks.run("gated", () => this.#setCondition(pod, "SchedulingGated", message));
      return;
    }
    const choice = chooseNode(pod, this.#cache.nodes(), { plugins, random });
    if (choice.kind === "none") {
      this.#queue.giveBackUnschedulable(key);
      this.#tasks.run("report", () => this.#reportUnschedulable(pod, choice.message));
      return;
    }
    this.#cache.setPod(pod, choice.nodeName);
    const binding = this.#bind(key, pod, choice.nodeName).finally(() => {
      this.#bindings.delete(binding);
    });
    this.#bindings.add(binding);
    this.#tasks.run("bind", () => binding);
  }

  async #bind(key: string, pod: Pod, nodeName: string): Promise<void> {
    const { client, recorder, logger } = this.#dependencies;
    const { name, namespace, uid } = pod.metadata;
    const binding: Binding = {
      metadata: { name, namespace, uid },
      target: { kind: "Node", name: nodeName },
    };
    try {
      await client.createSubresource(PODS, keyOf(pod), "binding", binding as KubeObject);
      this.#queue.remove(key);
      recorder.record({
        about: referenceTo(pod),
        type: "Normal",
        reason: "Scheduled",
        message: `Successfully assigned ${namespace}/${name} to ${nodeName}`,
      });
    } catch (error) {
      if (isApiError(error, "NotFound")) {
        this.#cache.removePod(key);
        this.#queue.remove(key);
        return;
      }
      logger.warn("binding failed", { pod: key, node: nodeName, error: errorText(error) });
      // Another scheduler, or ourselves before a lost answer, may have bound it: then the informer
      // has said so, or will.
      if (!this.#dependencies.pods.get(key)?.spec?.nodeName) this.#cache.removePod(key);
      this.#queue.giveBackFailed(key);
    }
  }

  async #reportUnschedulable(pod: Pod, message: string): Promise<void> {
    this.#dependencies.recorder.record({
      about: referenceTo(pod),
      type: "Warning",
      reason: "FailedScheduling",
      message,
    });
    await this.#setCondition(pod, "Unschedulable", message);
  }

  async #setCondition(pod: Pod, reason: string, message: string): Promise<void> {
    const { client, clock } = this.#dependencies;
    const known = pod.status?.conditions?.find(({ type }) => type === "PodScheduled");
    if (known?.status === "False" && known.reason === reason && known.message === message) return;
    const nowText = `${new Date(clock.wallMs()).toISOString().slice(0, 19)}Z`;
    const condition = {
      type: "PodScheduled",
      status: "False",
      reason,
      message,
      lastTransitionTime: known?.status === "False" ? known.lastTransitionTime : nowText,
    };
    try {
      await client.patch(
        PODS,
        keyOf(pod),
        { status: { conditions: [condition] } },
        {
          type: "strategic-merge",
          subresource: "status",
        },
      );
    } catch (error) {
      if (!isApiError(error, "NotFound")) throw error; // Gone meanwhile: nobody to tell.
    }
  }
}

function isOurs({ metadata, spec }: Pod): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  return (spec?.schedulerName || DEFAULT_SCHEDULER_NAME) === DEFAULT_SCHEDULER_NAME;
}

function referenceTo({ metadata }: Pod): {
  kind: string;
  apiVersion: string;
  name: string | undefined;
  namespace: string | undefined;
  uid: string | undefined;
  resourceVersion: string | undefined;
} {
  const { name, namespace, uid, resourceVersion } = metadata;
  return { kind: "Pod", apiVersion: "v1", name, namespace, uid, resourceVersion };
}
