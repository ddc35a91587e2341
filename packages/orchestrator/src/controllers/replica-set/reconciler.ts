/**
 * Carries out replica set plans: claims pods, makes and drops them, writes the status. Pods are
 * made in batches that double while they succeed, so that a template that cannot be made costs
 * one refused request, not hundreds (slow start).
 */
import { errorText } from "@sagong/base";
import { isApiError } from "../../api/api-status.js";
import type { ReplicaSet } from "../../api/gen/apps-v1.js";
import type { Pod } from "../../api/gen/core-v1.js";
import { mergePatchBetween } from "../../api/patch/merge-patch.js";
import { keyOf, keyText } from "../../api/resource.js";
import { PODS, REPLICA_SETS } from "../../api/resources.js";
import type { Controller, ControllerContext } from "../../controller/controller-context.js";
import type { EventRecorder } from "../../controller/event-recorder.js";
import { WorkQueue } from "../../controller/work-queue.js";
import { carryOutClaim, planClaim, selects } from "../claim.js";
import { OpenWrites } from "../open-writes.js";
import { controllerOf, controllerRef } from "../owned.js";
import { Expectations } from "./expectations.js";
import {
  isActive,
  planReplicaSet,
  type ReplicaSetFailure,
  type ReplicaSetPlan,
  withFailure,
} from "./plan.js";

/** The first batch of creations. */
const FIRST_BATCH = 1;

type EventReason = "SuccessfulCreate" | "FailedCreate" | "SuccessfulDelete" | "FailedDelete";

export class ReplicaSetController implements Controller {
  readonly name: string = "replicaset";
  readonly #context: ControllerContext;
  readonly #events: EventRecorder;
  readonly #queue: WorkQueue;
  readonly #expected: Expectations;
  readonly #open: OpenWrites;
  readonly #replicaSets;
  readonly #pods;

  constructor(context: ControllerContext, events: EventRecorder) {
    this.#context = context;
    this.#events = events;
    this.#expected = new Expectations(context.clock);
    this.#open = new OpenWrites(context.clock);
    this.#replicaSets = context.informer(REPLICA_SETS);
    this.#pods = context.informer(PODS);
    this.#queue = new WorkQueue((key) => this.#reconcile(key), context);
  }

  start(): void {
    this.#replicaSets.onChange((now, before) => {
      if (!now) {
        this.#expected.forget(before?.metadata.uid ?? "");
        this.#open.settle(before?.metadata.uid ?? "");
      }
      const object = now ?? before;
      if (object) this.#queue.add(keyText(keyOf(object)));
    });
    this.#pods.onChange((now, before) => {
      // Who had it, who has it, and, where nobody has, who might adopt it.
      if (before && controllerOf(before)?.uid !== (now && controllerOf(now)?.uid)) {
        this.#observe(before, { isGoing: true });
      }
      if (now) this.#observe(now, { isGoing: now.metadata.deletionTimestamp !== undefined });
      if (now && !controllerOf(now)) this.#enqueueAdopters(now);
    });
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  #observe(pod: Pod, how: { readonly isGoing: boolean }): void {
    const owner = controllerOf(pod);
    if (owner?.kind !== "ReplicaSet") return;
    this.#expected.show(owner.uid, pod.metadata.uid ?? "", how);
    this.#queue.add(keyText({ namespace: pod.metadata.namespace, name: owner.name }));
  }

  #enqueueAdopters(pod: Pod): void {
    for (const replicaSet of this.#replicaSets.list()) {
      if (replicaSet.metadata.namespace !== pod.metadata.namespace) continue;
      if (selects(replicaSet.spec?.selector, pod)) this.#queue.add(keyText(keyOf(replicaSet)));
    }
  }

  async #reconcile(key: string): Promise<void> {
    const replicaSet = this.#replicaSets.get(key);
    if (!replicaSet) return;
    const { client, clock } = this.#context;
    const uid = replicaSet.metadata.uid ?? "";
    if (this.#open.waitMs(uid) === 0) await this.#ask(replicaSet);
    // Of what has ended or is going, nothing is adopted and nothing released.
    const candidates = this.#pods.list().filter(isActive);
    const claim = planClaim(replicaSet, replicaSet.spec?.selector, candidates);
    const pods = await carryOutClaim(
      { client, resource: REPLICA_SETS, owner: replicaSet },
      PODS,
      claim,
    );
    const related = this.#related(replicaSet, pods);
    const observation = { replicaSet, pods, related, nowMs: clock.wallMs() };
    const plan = planReplicaSet(observation);
    const waitMs = this.#open.waitMs(uid) ?? this.#expected.waitMs(uid);
    const failure = waitMs === 0 ? await this.#manage(replicaSet, plan) : undefined;
    // Who goes by the counts must not take them for those of this generation yet.
    const { observedGeneration } = waitMs === 0 ? plan.status : (replicaSet.status ?? {});
    const seen = { ...plan.status, observedGeneration };
    await this.#writeStatus(replicaSet, withFailure(observation, seen, failure?.told));
    if (plan.wakeAtMs !== undefined) {
      this.#queue.addAfter(key, plan.wakeAtMs - observation.nowMs);
    }
    if (waitMs > 0) this.#queue.addAfter(key, waitMs);
    if (failure) throw failure.error;
  }

  /**
   * What the server has of its pods: a creation or deletion went without an answer. Of what the
   * informer does not show yet it is then known that it will.
   */
  async #ask({ metadata: { uid = "", namespace } }: ReplicaSet): Promise<void> {
    const { items } = await this.#context.client.list(PODS, { namespace });
    const isOwn = (pod: Pod): boolean => controllerOf(pod)?.uid === uid && isActive(pod);
    const there = new Map(items.filter(isOwn).map((pod) => [pod.metadata.uid ?? "", pod]));
    const shown = new Set(this.#pods.list().map(({ metadata }) => metadata.uid));
    const version = Number(this.#pods.version ?? "0");
    this.#expected.begin(uid);
    for (const [podUid, { metadata }] of there) {
      // One that the informer has come past and does not show is gone again.
      const isLate = Number(metadata.resourceVersion ?? "0") > version;
      if (!shown.has(podUid) && isLate) this.#expected.created(uid, podUid);
    }
    for (const pod of this.#pods.list()) {
      const podUid = pod.metadata.uid ?? "";
      if (isOwn(pod) && !there.has(podUid)) this.#expected.deleted(uid, podUid);
    }
    this.#open.settle(uid);
  }

  /** What went wrong, and how the status tells it. */
  async #manage(
    replicaSet: ReplicaSet,
    plan: ReplicaSetPlan,
  ): Promise<{ readonly told: ReplicaSetFailure; readonly error: unknown } | undefined> {
    const reason = plan.create > 0 ? "FailedCreate" : "FailedDelete";
    try {
      if (plan.create > 0) await this.#createPods(replicaSet, plan.create);
      if (plan.remove.length > 0) await this.#removePods(replicaSet, plan.remove);
      return undefined;
    } catch (error) {
      return { told: { reason, message: errorText(error) }, error };
    }
  }

  async #writeStatus(replicaSet: ReplicaSet, wanted: ReplicaSet["status"]): Promise<void> {
    const status = mergePatchBetween(replicaSet.status ?? {}, wanted);
    if (status === undefined) return;
    const patch = { metadata: { uid: replicaSet.metadata.uid }, status };
    await this.#context.client.patch(REPLICA_SETS, keyOf(replicaSet), patch, {
      type: "merge",
      subresource: "status",
    });
  }

  /** Its own active pods, and those of the other replica sets of its owner. */
  #related(replicaSet: ReplicaSet, pods: readonly Pod[]): readonly Pod[] {
    const owner = controllerOf(replicaSet)?.uid;
    if (owner === undefined) return pods;
    const siblings = new Set(
      this.#replicaSets
        .list()
        .filter((one) => controllerOf(one)?.uid === owner)
        .map(({ metadata }) => metadata.uid),
    );
    return this.#pods.list().filter((pod) => isActive(pod) && siblings.has(controllerOf(pod)?.uid));
  }

  async #createPods(replicaSet: ReplicaSet, count: number): Promise<void> {
    this.#expected.begin(replicaSet.metadata.uid ?? "");
    let batch = FIRST_BATCH;
    for (let made = 0; made < count;) {
      const size = Math.min(batch, count - made);
      const creations = Array.from({ length: size }, () => this.#createPod(replicaSet));
      await allOrFirstError(creations);
      made += size;
      batch *= 2;
    }
  }

  async #createPod(replicaSet: ReplicaSet): Promise<void> {
    const { metadata, spec } = replicaSet;
    const template = spec?.template;
    const pod: Pod = {
      metadata: {
        generateName: `${metadata.name}-`,
        namespace: metadata.namespace,
        labels: template?.metadata?.labels,
        annotations: template?.metadata?.annotations,
        finalizers: template?.metadata?.finalizers,
        ownerReferences: [controllerRef(replicaSet, { apiVersion: "apps/v1", kind: "ReplicaSet" })],
      },
      spec: template?.spec,
    };
    try {
      const created = await this.#context.client.create(PODS, pod);
      this.#expected.created(metadata.uid ?? "", created.metadata.uid ?? "");
      this.#event(replicaSet, "SuccessfulCreate", `Created pod: ${created.metadata.name}`);
    } catch (error) {
      // Nothing can be made there any more, and the replica set will go as well.
      if (isNamespaceTerminating(error)) return;
      this.#open.failed(metadata.uid ?? "", error);
      this.#event(replicaSet, "FailedCreate", `Error creating: ${errorText(error)}`);
      throw error;
    }
  }

  async #removePods(replicaSet: ReplicaSet, pods: readonly Pod[]): Promise<void> {
    const owner = replicaSet.metadata.uid ?? "";
    this.#expected.begin(owner);
    const removals = pods.map(async (pod) => {
      const uid = pod.metadata.uid ?? "";
      this.#expected.deleted(owner, uid);
      try {
        await this.#context.client.delete(PODS, keyOf(pod), { preconditions: { uid } });
        this.#event(replicaSet, "SuccessfulDelete", `Deleted pod: ${pod.metadata.name}`);
      } catch (error) {
        this.#expected.notDeleted(owner, uid);
        this.#open.failed(owner, error);
        if (isApiError(error, "NotFound", "Conflict")) return; // Gone, or its name is another's.
        this.#event(replicaSet, "FailedDelete", `Error deleting: ${errorText(error)}`);
        throw error;
      }
    });
    await allOrFirstError(removals);
  }

  #event(replicaSet: ReplicaSet, reason: EventReason, message: string): void {
    const { name, namespace, uid } = replicaSet.metadata;
    this.#events.record({
      about: { apiVersion: "apps/v1", kind: "ReplicaSet", name, namespace, uid },
      type: reason.startsWith("Failed") ? "Warning" : "Normal",
      reason,
      message,
    });
  }
}

/** Waits for all, then throws what went wrong first. */
async function allOrFirstError(calls: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(calls)) {
    if (outcome.status === "rejected") throw outcome.reason;
  }
}

function isNamespaceTerminating(error: unknown): boolean {
  if (!isApiError(error, "Forbidden")) return false;
  return error.details?.causes?.some(({ reason }) => reason === "NamespaceTerminating") ?? false;
}
