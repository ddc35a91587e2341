/** Carries out deployment plans: reads from informers, plans, acts. */
import { isApiError } from "../../api/api-status.js";
import type { Deployment, ReplicaSet } from "../../api/gen/apps-v1.js";
import type { Pod } from "../../api/gen/core-v1.js";
import { mergePatchBetween } from "../../api/patch/merge-patch.js";
import { keyOf, keyText } from "../../api/resource.js";
import { DEPLOYMENTS, PODS, REPLICA_SETS } from "../../api/resources.js";
import type { Controller, ControllerContext } from "../../controller/controller-context.js";
import type { EventRecorder } from "../../controller/event-recorder.js";
import { WorkQueue } from "../../controller/work-queue.js";
import { carryOutClaim, planClaim, selects } from "../claim.js";
import { OpenWrites } from "../open-writes.js";
import { OwnWrites } from "../own-writes.js";
import { controllerOf, controllerRef } from "../owned.js";
import { type DeploymentAction, planDeployment } from "./plan.js";
import { HASH_LABEL, hasTemplateOf, nameOf, REVISION_ANNOTATION } from "./revision.js";

type Create = Extract<DeploymentAction, { kind: "create" }>;
type Update = Extract<DeploymentAction, { kind: "update" }>;

export class DeploymentController implements Controller {
  readonly name: string = "deployment";
  readonly #context: ControllerContext;
  readonly #events: EventRecorder;
  readonly #queue: WorkQueue;
  readonly #deployments;
  readonly #replicaSets;
  readonly #pods;
  /** Sizes that were given count from when they were given, not from when the informer shows them. */
  readonly #written: OwnWrites<ReplicaSet>;
  readonly #open: OpenWrites;

  constructor(context: ControllerContext, events: EventRecorder) {
    this.#context = context;
    this.#events = events;
    this.#deployments = context.informer(DEPLOYMENTS);
    this.#replicaSets = context.informer(REPLICA_SETS);
    this.#pods = context.informer(PODS);
    this.#written = new OwnWrites(this.#replicaSets);
    this.#open = new OpenWrites(context.clock);
    this.#queue = new WorkQueue((key) => this.#reconcile(key), context);
  }

  start(): void {
    this.#deployments.onChange((now, before) => {
      if (!now) this.#open.settle(before?.metadata.uid ?? "");
      const object = now ?? before;
      if (object) this.#queue.add(keyText(keyOf(object)));
    });
    this.#replicaSets.onChange((now, before) => {
      // Who had it, who has it, and, where nobody has, who might adopt it.
      for (const one of [before, now]) if (one) this.#enqueueOwner(one);
      if (now && !controllerOf(now)) this.#enqueueAdopters(now);
    });
    this.#pods.onChange((now, before) => {
      if (before && !isLive(now)) this.#enqueueRecreate(before);
    });
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  #enqueueOwner(replicaSet: ReplicaSet): void {
    const owner = controllerOf(replicaSet);
    const { namespace } = replicaSet.metadata;
    if (owner?.kind === "Deployment") this.#queue.add(keyText({ namespace, name: owner.name }));
  }

  #enqueueAdopters(replicaSet: ReplicaSet): void {
    for (const deployment of this.#deployments.list()) {
      if (deployment.metadata.namespace !== replicaSet.metadata.namespace) continue;
      if (selects(deployment.spec?.selector, replicaSet)) {
        this.#queue.add(keyText(keyOf(deployment)));
      }
    }
  }

  /** A deployment of type Recreate waits for the last of its old pods to end. */
  #enqueueRecreate({ metadata }: Pod): void {
    const owner = controllerOf({ metadata });
    if (owner?.kind !== "ReplicaSet") return;
    const key = keyText({ namespace: metadata.namespace, name: owner.name });
    const replicaSet = this.#replicaSets.get(key);
    if (replicaSet) this.#enqueueOwner(replicaSet);
  }

  async #reconcile(key: string): Promise<void> {
    const deployment = this.#deployments.get(key);
    if (!deployment) return;
    const { client, clock } = this.#context;
    const { uid = "" } = deployment.metadata;
    const waitMs = this.#open.waitMs(uid);
    if (waitMs !== undefined && waitMs > 0) return this.#queue.addAfter(key, waitMs);
    if (waitMs !== undefined) await this.#ask(deployment);
    const claim = planClaim(deployment, deployment.spec?.selector, this.#written.list());
    const claimant = { client, resource: DEPLOYMENTS, owner: deployment };
    const owned = await carryOutClaim(claimant, REPLICA_SETS, claim);
    const withLivePods = this.#withLivePods();
    const nowMs = clock.wallMs();
    const plan = planDeployment({ deployment, owned, withLivePods, nowMs });
    for (const action of plan.actions) await this.#act(deployment, action);
    await this.#annotate(deployment, plan.revision);
    const status = mergePatchBetween(deployment.status ?? {}, plan.status);
    if (status !== undefined) {
      const patch = { metadata: { uid }, status };
      await client.patch(DEPLOYMENTS, keyOf(deployment), patch, {
        type: "merge",
        subresource: "status",
      });
    }
    if (plan.wakeAtMs !== undefined) {
      this.#queue.addAfter(key, Math.max(0, plan.wakeAtMs - nowMs));
    }
  }

  /** What the server has of replica sets: a write to one of them went without an answer. */
  async #ask({ metadata: { uid = "", namespace } }: Deployment): Promise<void> {
    const { items } = await this.#context.client.list(REPLICA_SETS, { namespace });
    for (const item of items) this.#written.wrote(item);
    this.#open.settle(uid);
  }

  #withLivePods(): ReadonlySet<string> {
    return new Set(
      this.#pods
        .list()
        .filter((pod) => isLive(pod))
        .map((pod) => controllerOf(pod)?.uid ?? ""),
    );
  }

  async #act(deployment: Deployment, action: DeploymentAction): Promise<void> {
    const { client } = this.#context;
    switch (action.kind) {
      case "create":
        return this.#create(deployment, action);
      case "update":
        return this.#update(deployment, action);
      case "delete":
        await client.delete(REPLICA_SETS, keyOf(action.replicaSet), {
          propagationPolicy: "Background",
          preconditions: { uid: action.replicaSet.metadata.uid },
        });
        return;
    }
  }

  /** On the version that was planned with: a stale plan must not scale twice. */
  async #update(deployment: Deployment, update: Update): Promise<void> {
    const { replicaSet, replicas, annotations, minReadySeconds } = update;
    const { resourceVersion, name } = replicaSet.metadata;
    const before = replicaSet.spec?.replicas ?? 1;
    const spec = {
      ...(replicas === before ? {} : { replicas }),
      ...(minReadySeconds === (replicaSet.spec?.minReadySeconds ?? 0) ? {} : { minReadySeconds }),
    };
    const patch = { metadata: { resourceVersion, annotations }, spec };
    const { client } = this.#context;
    const write = client.patch(REPLICA_SETS, keyOf(replicaSet), patch, { type: "merge" });
    this.#written.wrote(await this.#answered(deployment, write));
    if (replicas === before) return;
    const way = replicas > before ? "up" : "down";
    this.#event(deployment, `Scaled ${way} replica set ${name} from ${before} to ${replicas}`);
  }

  async #answered<T>({ metadata }: Deployment, write: Promise<T>): Promise<T> {
    try {
      return await write;
    } catch (error) {
      this.#open.failed(metadata.uid ?? "", error);
      throw error;
    }
  }

  async #create(deployment: Deployment, { replicas, annotations }: Create): Promise<void> {
    const { spec, metadata } = deployment;
    if (!spec) return;
    const { name, hash } = nameOf(deployment);
    const labels = { ...spec.template.metadata?.labels, [HASH_LABEL]: hash };
    const replicaSet: ReplicaSet = {
      metadata: {
        name,
        namespace: metadata.namespace,
        labels,
        annotations,
        ownerReferences: [controllerRef(deployment, { apiVersion: "apps/v1", kind: "Deployment" })],
      },
      spec: {
        replicas,
        selector: {
          ...spec.selector,
          matchLabels: { ...spec.selector.matchLabels, [HASH_LABEL]: hash },
        },
        template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
        ...(spec.minReadySeconds === undefined ? {} : { minReadySeconds: spec.minReadySeconds }),
      },
    };
    try {
      const write = this.#context.client.create(REPLICA_SETS, replicaSet);
      this.#written.wrote(await this.#answered(deployment, write));
    } catch (error) {
      if (!isApiError(error, "AlreadyExists")) throw error;
      return this.#resolveCollision(deployment, name);
    }
    if (replicas > 0)
      this.#event(deployment, `Scaled up replica set ${name} from 0 to ${replicas}`);
  }

  /** Ours, and the informer is only late; or another's, and the hash must change. */
  async #resolveCollision(deployment: Deployment, name: string): Promise<void> {
    const { namespace, uid } = deployment.metadata;
    const { client } = this.#context;
    const there = await client.get(REPLICA_SETS, { namespace, name });
    this.#written.wrote(there);
    if (controllerOf(there)?.uid === uid && hasTemplateOf(deployment, there)) return;
    const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
    const patch = { metadata: { uid }, status: { collisionCount } };
    await client.patch(DEPLOYMENTS, keyOf(deployment), patch, {
      type: "merge",
      subresource: "status",
    });
  }

  async #annotate(deployment: Deployment, revision: number | undefined): Promise<void> {
    const text = String(revision);
    const { uid, annotations } = deployment.metadata;
    if (revision === undefined || annotations?.[REVISION_ANNOTATION] === text) return;
    const patch = { metadata: { uid, annotations: { [REVISION_ANNOTATION]: text } } };
    await this.#context.client.patch(DEPLOYMENTS, keyOf(deployment), patch, { type: "merge" });
  }

  #event(deployment: Deployment, message: string): void {
    const { name, namespace, uid } = deployment.metadata;
    this.#events.record({
      about: { apiVersion: "apps/v1", kind: "Deployment", name, namespace, uid },
      type: "Normal",
      reason: "ScalingReplicaSet",
      message,
    });
  }
}

/** Has not ended: a terminating pod is live until it is gone. */
function isLive(pod: Pod | undefined): boolean {
  return pod !== undefined && pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed";
}
