/**
 * Tells the cluster that this node lives: registers the Node, renews its Lease every 10 s, and
 * posts the node's status when it changes or every 5 min (KEP-589; the kubelet's defaults).
 */
import { type Clock, errorText, type Logger, TaskGroup, type Timer } from "@sagong/base";
import { isApiError } from "../api/api-status.js";
import type { Lease } from "../api/gen/coordination-v1.js";
import type { Node } from "../api/gen/core-v1.js";
import { LEASES, NODES } from "../api/resources.js";
import type { ObjectClient } from "../client/object-client.js";
import { type NodeFacts, nodeObject, nodeStatus } from "./node-object.js";
import { microTimeText } from "../api/meta/time-text.js";

export interface HeartbeatDependencies {
  readonly client: ObjectClient;
  readonly clock: Clock;
  readonly logger: Logger;
}

export const LEASE_NAMESPACE = "kube-node-lease";
const LEASE_DURATION_SECONDS = 40;
const RENEW_MS = 10_000;
/** After a failure it is tried again soon: several tries fit into a lease's duration. */
const RETRY_MS = 1_000;
const STATUS_REPORT_MS = 300_000;

export class Heartbeat {
  readonly #facts: NodeFacts;
  readonly #dependencies: HeartbeatDependencies;
  readonly #tasks: TaskGroup;
  #timer: Timer | undefined;
  #reportedAtMs = Number.NEGATIVE_INFINITY;
  #failing = false;
  #closed = false;

  constructor(facts: NodeFacts, dependencies: HeartbeatDependencies) {
    this.#facts = facts;
    this.#dependencies = dependencies;
    this.#tasks = new TaskGroup((error) =>
      dependencies.logger.error("heartbeat broke", { error: errorText(error) }),
    );
  }

  start(): void {
    this.#tasks.run("heartbeat", () => this.#beat());
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#tasks.settled();
  }

  async #beat(): Promise<void> {
    const { clock, logger } = this.#dependencies;
    let delayMs = RENEW_MS;
    try {
      const node = await this.#keepNode();
      await this.#renewLease(node);
      if (this.#failing) logger.info("heartbeat works again");
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) logger.warn("heartbeat failed", { error: errorText(error) });
      this.#failing = true;
      delayMs = RETRY_MS;
    }
    if (this.#closed) return;
    this.#timer = clock.schedule(delayMs, () => this.start());
  }

  /** Registers the node where it is missing, and reports its status where that is due. */
  async #keepNode(): Promise<Node> {
    const { client, clock } = this.#dependencies;
    const node = await this.#getOrCreate();
    const ready = node.status?.conditions?.find(({ type }) => type === "Ready");
    const nowMs = clock.monotonicMs();
    const due = nowMs - this.#reportedAtMs >= STATUS_REPORT_MS;
    if (!due && ready?.status === "True") return node;
    const status = nodeStatus(this.#facts, node.status?.conditions ?? [], clock.wallMs());
    const name = this.#facts.name;
    const saved = await client.patch(
      NODES,
      { name },
      { status },
      { type: "merge", subresource: "status" },
    );
    this.#reportedAtMs = nowMs;
    return saved;
  }

  async #getOrCreate(): Promise<Node> {
    const { client, logger } = this.#dependencies;
    try {
      return await client.get(NODES, { name: this.#facts.name });
    } catch (error) {
      if (!isApiError(error, "NotFound")) throw error;
    }
    const node = await client.create(NODES, nodeObject(this.#facts));
    logger.info("registered node", { node: this.#facts.name });
    this.#reportedAtMs = Number.NEGATIVE_INFINITY;
    return node;
  }

  async #renewLease(node: Node): Promise<void> {
    const { client, clock } = this.#dependencies;
    const { name } = this.#facts;
    const renewTime = microTimeText(clock.wallMs());
    const lease: Lease = {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: {
        name,
        namespace: LEASE_NAMESPACE,
        ownerReferences: [{ apiVersion: "v1", kind: "Node", name, uid: node.metadata.uid ?? "" }],
      },
      spec: { holderIdentity: name, leaseDurationSeconds: LEASE_DURATION_SECONDS, renewTime },
    };
    const key = { name, namespace: LEASE_NAMESPACE };
    try {
      await client.patch(LEASES, key, { spec: lease.spec }, { type: "merge" });
    } catch (error) {
      if (!isApiError(error, "NotFound")) throw error;
      await client.create(LEASES, lease);
    }
  }
}
