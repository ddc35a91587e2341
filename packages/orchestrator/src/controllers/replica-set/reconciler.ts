/**
 * Carries out replica set plans. Pods that were just made or dropped may not be in the informer
 * yet: until they are, or five minutes have passed, nothing more is made (expectations).
 */
import { isApiError } from "../../api/api-status.js";
import type { ReplicaSet } from "../../api/gen/apps-v1.js";
import type { Pod } from "../../api/gen/core-v1.js";
import { mergePatchBetween } from "../../api/patch/merge-patch.js";
import { keyOf, keyText } from "../../api/resource.js";
import { PODS, REPLICA_SETS } from "../../api/resources.js";
import type { Controller, ControllerContext } from "../../controller/controller-context.js";
import type { EventRecorder } from "../../controller/event-recorder.js";
import { WorkQueue } from "../../controller/work-queue.js";
import { controllerOf, controllerRef } from "../owned.js";
import { planReplicaSet } from "./plan.js";

interface Expected {
  readonly created: Set<string>;
  readonly deleted: Set<string>;
  sinceMs: number;
}

const EXPECTATIONS_MS = 300_000;
/** The first batch of creations; doubled while they succeed (slow start). */
const FIRST_BATCH = 1;

export class ReplicaSetController implements Controller {
  readonly name: string = "replicaset";
  readonly #context: ControllerContext;
  readonly #events: EventRecorder;
  readonly #queue: WorkQueue;
  readonly #expected = new Map<string, Expected>();
  readonly #replicaSets;
  readonly #pods;

  constructor(context: ControllerContext, events: EventRecorder) {
    this.#context = context;
    this.#events = events;
    this.#replicaSets = context.informer(REPLICA_SETS);
    this.#pods = context.informer(PODS);
    this.#queue = new WorkQueue((key) => this.#reconcile(key), context);
  }

  start(): void {
    this.#replicaSets.onChange((now, before) => {
      const object = now ?? before;
      if (object) this.#queue.add(keyText(keyOf(object)));
    });
    this.#pods.onChange((now, before) => {
      const pod = now ?? before;
      const owner = pod && controllerOf(pod);
      if (!pod || owner?.kind !== "ReplicaSet") return;
      this.#observe(owner.uid, now, pod);
      this.#queue.add(keyText({ namespace: pod.metadata.namespace, name: owner.name }));
    });
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  #observe(owner: string, now: Pod | undefined, pod: Pod): void {
    const expected = this.#expected.get(owner);
    const uid = pod.metadata.uid ?? "";
    expected?.created.delete(uid);
    if (!now || now.metadata.deletionTimestamp !== undefined) expected?.deleted.delete(uid);
  }

  async #reconcile(key: string): Promise<void> {
    const replicaSet = this.#replicaSets.get(key);
    if (!replicaSet) return;
    const uid = replicaSet.metadata.uid ?? "";
    const pods = this.#pods.list().filter((pod) => controllerOf(pod)?.uid === uid);
    const plan = planReplicaSet(replicaSet, pods, this.#context.clock.wallMs());
    if (this.#isSettled(uid)) {
      if (plan.create > 0) await this.#createPods(replicaSet, plan.create);
      if (plan.remove.length > 0) await this.#removePods(replicaSet, plan.remove);
    }
    const status = mergePatchBetween(replicaSet.status ?? {}, plan.status);
    if (status !== undefined) {
      const patch = { metadata: { uid }, status };
      await this.#context.client.patch(REPLICA_SETS, keyOf(replicaSet), patch, {
        type: "merge",
        subresource: "status",
      });
    }
    const minReady = replicaSet.spec?.minReadySeconds ?? 0;
    if (minReady > 0 && (plan.status.readyReplicas ?? 0) > (plan.status.availableReplicas ?? 0))
      this.#queue.addAfter(key, 1000);
  }

  #isSettled(uid: string): boolean {
    const expected = this.#expected.get(uid);
    if (!expected || (expected.created.size === 0 && expected.deleted.size === 0)) return true;
    return this.#context.clock.monotonicMs() - expected.sinceMs > EXPECTATIONS_MS;
  }

  #expect(uid: string): Expected {
    const expected = {
      created: new Set<string>(),
      deleted: new Set<string>(),
      sinceMs: this.#context.clock.monotonicMs(),
    };
    this.#expected.set(uid, expected);
    return expected;
  }

  async #createPods(replicaSet: ReplicaSet, count: number): Promise<void> {
    const expected = this.#expect(replicaSet.metadata.uid ?? "");
    let batch = FIRST_BATCH;
    for (let made = 0; made < count;) {
      const size = Math.min(batch, count - made);
      await Promise.all(Array.from({ length: size }, () => this.#createPod(replicaSet, expected)));
      made += size;
      batch *= 2;
    }
  }

  async #createPod(replicaSet: ReplicaSet, expected: Expected): Promise<void> {
    const { metadata, spec } = replicaSet;
    const template = spec?.template;
    const pod: Pod = {
      metadata: {
        generateName: `${metadata.name}-`,
        namespace: metadata.namespace,
        labels: template?.metadata?.labels,
        annotations: template?.metadata?.annotations,
        ownerReferences: [controllerRef(replicaSet, { apiVersion: "apps/v1", kind: "ReplicaSet" })],
      },
      spec: template?.spec,
    };
    try {
      const created = await this.#context.client.create(PODS, pod);
      const uid = created.metadata.uid ?? "";
      // It may have come by the informer before its creation was answered.
      if (!this.#pods.get(keyText(keyOf(created)))) expected.created.add(uid);
      this.#event(replicaSet, "Normal", `Created pod: ${created.metadata.name}`);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#event(replicaSet, "Warning", `Error creating: ${message}`);
      throw error;
    }
  }

  async #removePods(replicaSet: ReplicaSet, pods: readonly Pod[]): Promise<void> {
    const expected = this.#expect(replicaSet.metadata.uid ?? "");
    await Promise.all(
      pods.map(async (pod) => {
        const uid = pod.metadata.uid ?? "";
        expected.deleted.add(uid);
        try {
          await this.#context.client.delete(PODS, keyOf(pod), { preconditions: { uid } });
          this.#event(replicaSet, "Normal", `Deleted pod: ${pod.metadata.name}`);
        } catch (error) {
          expected.deleted.delete(uid);
          if (!isApiError(error, "NotFound", "Conflict")) throw error;
        }
      }),
    );
  }

  #event(replicaSet: ReplicaSet, type: "Normal" | "Warning", message: string): void {
    const { name, namespace, uid } = replicaSet.metadata;
    const reason =
      type === "Warning"
        ? "FailedCreate"
        : message.startsWith("Created")
          ? "SuccessfulCreate"
          : "SuccessfulDelete";
    this.#events.record({
      about: { apiVersion: "apps/v1", kind: "ReplicaSet", name, namespace, uid },
      type,
      reason,
      message,
    });
  }
}
