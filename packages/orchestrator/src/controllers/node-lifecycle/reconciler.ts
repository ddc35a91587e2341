/** Watches heartbeats, and acts on nodes that fall silent: see plan.ts. */
import { errorText, TaskGroup, type Timer } from "@sagong/base";
import { isApiError } from "../../api/api-status.js";
import type { Node, Pod } from "../../api/gen/core-v1.js";
import { keyOf } from "../../api/resource.js";
import { LEASES, NODES, PODS } from "../../api/resources.js";
import type { Controller, ControllerContext } from "../../controller/controller-context.js";
import { evictionMs, planNode } from "./plan.js";

export interface NodeLifecycleOptions {
  readonly monitorMs: number;
  readonly graceMs: number;
}

/** kube-controller-manager's defaults since 1.32. */
export const NODE_LIFECYCLE_DEFAULTS: NodeLifecycleOptions = { monitorMs: 5_000, graceMs: 50_000 };

const LEASE_NAMESPACE = "kube-node-lease";

export class NodeLifecycleController implements Controller {
  readonly name: string = "nodelifecycle";
  readonly #context: ControllerContext;
  readonly #options: NodeLifecycleOptions;
  readonly #tasks: TaskGroup;
  readonly #nodes;
  readonly #leases;
  readonly #pods;
  /** By node: what its heartbeat was, and when we first saw that. */
  readonly #heartbeats = new Map<string, { readonly text: string; readonly atMs: number }>();
  #timer: Timer | undefined;
  #closed = false;

  constructor(context: ControllerContext, options: NodeLifecycleOptions = NODE_LIFECYCLE_DEFAULTS) {
    this.#context = context;
    this.#options = options;
    this.#nodes = context.informer(NODES);
    this.#leases = context.informer(LEASES);
    this.#pods = context.informer(PODS);
    this.#tasks = new TaskGroup((error) =>
      context.logger.warn("node check failed", { error: errorText(error) }),
    );
  }

  start(): void {
    this.#tasks.run("monitor", () => this.#monitor());
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#tasks.settled();
  }

  async #monitor(): Promise<void> {
    try {
      for (const node of this.#nodes.list()) await this.#check(node);
      await this.#removeOrphans();
    } finally {
      if (!this.#closed)
        this.#timer = this.#context.clock.schedule(this.#options.monitorMs, () => this.start());
    }
  }

  async #check(node: Node): Promise<void> {
    const { clock, client } = this.#context;
    const name = node.metadata.name ?? "";
    const heartbeatMs = this.#heartbeat(name, node);
    const { conditions, taints } = planNode({
      node,
      heartbeatMs,
      nowMs: clock.wallMs(),
      graceMs: this.#options.graceMs,
    });
    if (conditions) {
      this.#context.logger.warn("node is silent", { node: name });
      await client.patch(
        NODES,
        { name },
        { status: { conditions } },
        { type: "merge", subresource: "status" },
      );
    }
    if (taints) await client.patch(NODES, { name }, { spec: { taints } }, { type: "merge" });
    for (const pod of this.#pods.list()) {
      if (pod.spec?.nodeName !== name || pod.metadata.deletionTimestamp !== undefined) continue;
      const atMs = evictionMs(pod, node);
      if (atMs !== undefined && atMs <= clock.wallMs()) await this.#evict(pod);
    }
  }

  /** Judged by our own clock: the node's may be wrong. */
  #heartbeat(name: string, node: Node): number {
    const lease = this.#leases.get(`${LEASE_NAMESPACE}/${name}`)?.spec?.renewTime ?? "";
    const ready = node.status?.conditions?.find(({ type }) => type === "Ready");
    const text = `${lease}/${ready?.status === "Unknown" ? "" : (ready?.lastHeartbeatTime ?? "")}`;
    const known = this.#heartbeats.get(name);
    if (known?.text === text) return known.atMs;
    const atMs = this.#context.clock.wallMs();
    this.#heartbeats.set(name, { text, atMs });
    return atMs;
  }

  async #evict(pod: Pod): Promise<void> {
    await this.#delete(pod, undefined);
  }

  /** Pods of nodes that are no more: there is no agent left that could end them. */
  async #removeOrphans(): Promise<void> {
    for (const pod of this.#pods.list()) {
      const node = pod.spec?.nodeName;
      if (!node || this.#nodes.get(node)) continue;
      try {
        await this.#context.client.get(NODES, { name: node });
      } catch (error) {
        if (!isApiError(error, "NotFound")) throw error;
        await this.#delete(pod, 0);
      }
    }
  }

  async #delete(pod: Pod, gracePeriodSeconds: number | undefined): Promise<void> {
    try {
      await this.#context.client.delete(PODS, keyOf(pod), {
        gracePeriodSeconds,
        preconditions: { uid: pod.metadata.uid },
      });
    } catch (error) {
      if (!isApiError(error, "NotFound", "Conflict")) throw error;
    }
  }
}
