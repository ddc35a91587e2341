/**
 * Watches heartbeats, and acts on nodes that fall silent: their conditions become Unknown, they are
 * tainted, their pods count as not ready, and leave when they tolerate that no longer. Pods of
 * nodes that are no more are removed. What must be done is decided in plan.ts.
 */
import { errorText, TaskGroup, type Timer } from "@sagong/base";
import { isApiError } from "../../api/api-status.js";
import type { Node, Pod, Taint } from "../../api/gen/core-v1.js";
import { keyOf } from "../../api/resource.js";
import { LEASES, NODES, PODS } from "../../api/resources.js";
import type { Controller, ControllerContext } from "../../controller/controller-context.js";
import type { EventRecorder } from "../../controller/event-recorder.js";
import { WorkQueue } from "../../controller/work-queue.js";
import { isReady } from "../replica-set/deletion-order.js";
import { evictionMs, type NodePlan, planNode } from "./plan.js";

export interface NodeLifecycleOptions {
  readonly monitorMs: number;
  readonly graceMs: number;
}

/** kube-controller-manager's defaults since 1.32. */
export const NODE_LIFECYCLE_DEFAULTS: NodeLifecycleOptions = { monitorMs: 5_000, graceMs: 50_000 };

const LEASE_NAMESPACE = "kube-node-lease";
/** Pods of a node that is gone wait so long for it to register again (PodGC's quarantine). */
const QUARANTINE_MS = 40_000;

export class NodeLifecycleController implements Controller {
  readonly name: string = "nodelifecycle";
  readonly #context: ControllerContext;
  readonly #events: EventRecorder;
  readonly #options: NodeLifecycleOptions;
  readonly #queue: WorkQueue;
  readonly #tasks: TaskGroup;
  readonly #nodes;
  readonly #leases;
  readonly #pods;
  /** By node: what its heartbeat was, and when we first saw that. */
  readonly #heartbeats = new Map<string, { readonly text: string; readonly atMs: number }>();
  /** By node and taint, those without a time of their own: when we first saw them. */
  readonly #taintsSeen = new Map<string, Map<string, number>>();
  /** By name: since when we miss a node that has pods. */
  readonly #missing = new Map<string, number>();
  #timer: Timer | undefined;
  #closed = false;

  constructor(
    context: ControllerContext,
    events: EventRecorder,
    options: NodeLifecycleOptions = NODE_LIFECYCLE_DEFAULTS,
  ) {
    this.#context = context;
    this.#events = events;
    this.#options = options;
    this.#nodes = context.informer(NODES);
    this.#leases = context.informer(LEASES);
    this.#pods = context.informer(PODS);
    this.#queue = new WorkQueue((name) => this.#check(name), context);
    this.#tasks = new TaskGroup((error) =>
      context.logger.warn("pods of lost nodes were not removed", { error: errorText(error) }),
    );
  }

  start(): void {
    this.#nodes.onChange((now, before) => {
      const name = (now ?? before)?.metadata.name ?? "";
      if (!now) {
        this.#heartbeats.delete(name);
        this.#taintsSeen.delete(name);
      } else this.#queue.add(name);
    });
    this.#monitor();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#queue.close();
    await this.#tasks.settled();
  }

  #monitor(): void {
    for (const { metadata } of this.#nodes.list()) this.#queue.add(metadata.name ?? "");
    this.#tasks.run("orphans", () => this.#removeOrphans());
    if (this.#closed) return;
    const { monitorMs } = this.#options;
    this.#timer = this.#context.clock.schedule(monitorMs, () => this.#monitor());
  }

  async #check(name: string): Promise<void> {
    const node = this.#nodes.get(name);
    if (!node) return;
    const { clock } = this.#context;
    const { graceMs } = this.#options;
    const silentMs = clock.monotonicMs() - this.#heartbeatMs(name, node);
    const plan = planNode({ node, silentMs, nowMs: clock.wallMs(), graceMs });
    await this.#change(node, plan);
    const pods = this.#pods.list().filter(({ spec }) => spec?.nodeName === name);
    if (plan.isSilent) for (const pod of pods) await this.#markNotReady(pod);
    await this.#evict(node, pods);
  }

  /** On the version that was judged: the node may have spoken meanwhile. */
  async #change(node: Node, { conditions, taints }: NodePlan): Promise<void> {
    const { client, logger } = this.#context;
    const { uid, name = "", resourceVersion } = node.metadata;
    const metadata = { uid, resourceVersion };
    let present = node;
    if (conditions) {
      logger.warn("node is silent", { node: name });
      present = await client.patch(
        NODES,
        { name },
        { metadata, status: { conditions } },
        { type: "merge", subresource: "status" },
      );
      const about = { apiVersion: "v1", kind: "Node", name, uid };
      const message = `Node ${name} status is now: NodeNotReady`;
      this.#events.record({ about, type: "Normal", reason: "NodeNotReady", message });
    }
    if (!taints) return;
    const { resourceVersion: version } = present.metadata;
    const patch = { metadata: { uid, resourceVersion: version }, spec: { taints } };
    await client.patch(NODES, { name }, patch, { type: "merge" });
  }

  /** By our own clock when it was last seen to change: the node's may be wrong. */
  #heartbeatMs(name: string, node: Node): number {
    const lease = this.#leases.get(`${LEASE_NAMESPACE}/${name}`)?.spec?.renewTime ?? "";
    const ready = node.status?.conditions?.find(({ type }) => type === "Ready");
    const text = `${lease}/${ready?.lastHeartbeatTime ?? ""}`;
    const known = this.#heartbeats.get(name);
    if (known?.text === text) return known.atMs;
    const atMs = this.#context.clock.monotonicMs();
    this.#heartbeats.set(name, { text, atMs });
    return atMs;
  }

  /** Nobody there can say that it is ready: no traffic should go to it. */
  async #markNotReady(pod: Pod): Promise<void> {
    if (!isReady(pod)) return;
    const { uid, name } = pod.metadata;
    const lastTransitionTime = this.#context.nowText();
    const conditions = [{ type: "Ready", status: "False", lastTransitionTime }];
    await this.#onPod(pod, async () => {
      await this.#context.client.patch(
        PODS,
        keyOf(pod),
        { metadata: { uid }, status: { conditions } },
        { type: "strategic-merge", subresource: "status" },
      );
      const about = podReference(pod);
      const message = `Node is not ready, so pod ${name} counts as not ready`;
      this.#events.record({ about, type: "Warning", reason: "NodeNotReady", message });
    });
  }

  async #evict(node: Node, pods: readonly Pod[]): Promise<void> {
    const { clock } = this.#context;
    const name = node.metadata.name ?? "";
    const seen = this.#seenTaints(node);
    const nowMs = clock.wallMs();
    for (const pod of pods) {
      if (pod.metadata.deletionTimestamp !== undefined) continue;
      const atMs = evictionMs(pod, node, (taint) => seen.get(taintKey(taint)) ?? nowMs);
      if (atMs === undefined) continue;
      if (atMs > nowMs) this.#queue.addAfter(name, atMs - nowMs);
      else await this.#evictPod(pod);
    }
  }

  #seenTaints(node: Node): ReadonlyMap<string, number> {
    const name = node.metadata.name ?? "";
    const before = this.#taintsSeen.get(name);
    const nowMs = this.#context.clock.wallMs();
    const keys = (node.spec?.taints ?? []).map(taintKey);
    const seen = new Map(keys.map((key) => [key, before?.get(key) ?? nowMs]));
    this.#taintsSeen.set(name, seen);
    return seen;
  }

  async #evictPod(pod: Pod): Promise<void> {
    const { uid, namespace, name } = pod.metadata;
    const lastTransitionTime = this.#context.nowText();
    const condition = {
      type: "DisruptionTarget",
      status: "True",
      reason: "DeletionByTaintManager",
      message: "Taint manager: deleting due to NoExecute taint",
      lastTransitionTime,
    };
    await this.#onPod(pod, async () => {
      await this.#context.client.patch(
        PODS,
        keyOf(pod),
        { metadata: { uid }, status: { conditions: [condition] } },
        { type: "strategic-merge", subresource: "status" },
      );
      const message = `Marking for deletion Pod ${namespace}/${name}`;
      const about = podReference(pod);
      this.#events.record({ about, type: "Normal", reason: "TaintManagerEviction", message });
      await this.#context.client.delete(PODS, keyOf(pod), { preconditions: { uid } });
    });
  }

  /** Pods of nodes that are no more: there is no agent left that could end them. */
  async #removeOrphans(): Promise<void> {
    const { clock, client } = this.#context;
    const orphans = this.#pods.list().filter(({ spec }) => {
      return spec?.nodeName && !this.#nodes.get(spec.nodeName);
    });
    const names = new Set(orphans.map(({ spec }) => spec?.nodeName ?? ""));
    for (const name of this.#missing.keys()) if (!names.has(name)) this.#missing.delete(name);
    for (const name of names) {
      const sinceMs = this.#missing.get(name) ?? clock.monotonicMs();
      this.#missing.set(name, sinceMs);
      if (clock.monotonicMs() - sinceMs < QUARANTINE_MS) continue;
      if (await this.#isThere(name)) continue;
      for (const pod of orphans) {
        if (pod.spec?.nodeName !== name) continue;
        const preconditions = { uid: pod.metadata.uid };
        await this.#onPod(pod, () =>
          client.delete(PODS, keyOf(pod), { gracePeriodSeconds: 0, preconditions }),
        );
      }
    }
  }

  async #isThere(name: string): Promise<boolean> {
    try {
      await this.#context.client.get(NODES, { name });
      return true;
    } catch (error) {
      if (isApiError(error, "NotFound")) return false;
      throw error;
    }
  }

  /** A pod that is gone, or is another by now, needs nothing done. */
  async #onPod(pod: Pod, call: () => Promise<void>): Promise<void> {
    try {
      await call();
    } catch (error) {
      if (!isApiError(error, "NotFound", "Conflict")) throw error;
      this.#context.logger.debug("pod was gone", { pod: pod.metadata.name });
    }
  }
}

function taintKey({ key, value = "", effect }: Taint): string {
  return `${key}=${value}:${effect}`;
}

function podReference({
  metadata,
}: Pod): { kind: string } & Pick<Pod["metadata"], "name" | "namespace" | "uid"> {
  const { name, namespace, uid } = metadata;
  return { kind: "Pod", name, namespace, uid };
}
