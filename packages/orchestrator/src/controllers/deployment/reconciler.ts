/** Carries out deployment plans: reads from informers, plans, acts. */
import { isApiError } from "../../api/api-status.js";
import type { Deployment, ReplicaSet } from "../../api/gen/apps-v1.js";
import { safeEncode } from "../../api/meta/generate-name.js";
import { mergePatchBetween } from "../../api/patch/merge-patch.js";
import { keyOf, keyText } from "../../api/resource.js";
import { DEPLOYMENTS, REPLICA_SETS } from "../../api/resources.js";
import type { Controller, ControllerContext } from "../../controller/controller-context.js";
import type { EventRecorder } from "../../controller/event-recorder.js";
import { WorkQueue } from "../../controller/work-queue.js";
import { controllerOf, controllerRef, hashText } from "../owned.js";
import { type DeploymentAction, HASH_LABEL, planDeployment, REVISION_ANNOTATION } from "./plan.js";

export class DeploymentController implements Controller {
  readonly name: string = "deployment";
  readonly #context: ControllerContext;
  readonly #events: EventRecorder;
  readonly #queue: WorkQueue;
  readonly #deployments;
  readonly #replicaSets;

  constructor(context: ControllerContext, events: EventRecorder) {
    this.#context = context;
    this.#events = events;
    this.#deployments = context.informer(DEPLOYMENTS);
    this.#replicaSets = context.informer(REPLICA_SETS);
    this.#queue = new WorkQueue((key) => this.#reconcile(key), context);
  }

  start(): void {
    this.#deployments.onChange((now, before) => this.#enqueue(now ?? before));
    this.#replicaSets.onChange((now, before) => {
      const owner = controllerOf(now ?? before ?? { metadata: {} });
      const namespace = (now ?? before)?.metadata.namespace;
      if (owner?.kind === "Deployment") this.#queue.add(keyText({ namespace, name: owner.name }));
    });
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  #enqueue(deployment: Deployment | undefined): void {
    if (deployment) this.#queue.add(keyText(keyOf(deployment)));
  }

  async #reconcile(key: string): Promise<void> {
    const deployment = this.#deployments.get(key);
    if (!deployment) return;
    const { uid } = deployment.metadata;
    const owned = this.#replicaSets
      .list()
      .filter((replicaSet) => controllerOf(replicaSet)?.uid === uid);
    const plan = planDeployment(deployment, owned, this.#context.clock.wallMs());
    for (const action of plan.actions) await this.#act(deployment, action);
    await this.#annotate(deployment, plan.revision);
    const status = mergePatchBetween(deployment.status ?? {}, plan.status);
    if (status !== undefined) {
      const patch = { metadata: { uid }, status };
      await this.#context.client.patch(DEPLOYMENTS, keyOf(deployment), patch, {
        type: "merge",
        subresource: "status",
      });
    }
  }

  async #act(deployment: Deployment, action: DeploymentAction): Promise<void> {
    const { client } = this.#context;
    switch (action.kind) {
      case "create":
        return this.#create(deployment, action);
      case "scale": {
        const { replicaSet, replicas } = action;
        const before = replicaSet.spec?.replicas ?? 1;
        const { resourceVersion } = replicaSet.metadata;
        // On the version that was planned with: a stale plan must not scale twice.
        await client.patch(
          REPLICA_SETS,
          keyOf(replicaSet),
          { metadata: { resourceVersion }, spec: { replicas } },
          { type: "merge" },
        );
        const way = replicas > before ? "up" : "down";
        this.#event(
          deployment,
          `Scaled ${way} replica set ${replicaSet.metadata.name} from ${before} to ${replicas}`,
        );
        return;
      }
      case "set-revision": {
        const annotations = { [REVISION_ANNOTATION]: String(action.revision) };
        await client.patch(
          REPLICA_SETS,
          keyOf(action.replicaSet),
          { metadata: { annotations } },
          { type: "merge" },
        );
        return;
      }
      case "delete":
        await client.delete(REPLICA_SETS, keyOf(action.replicaSet), {
          propagationPolicy: "Background",
        });
        return;
    }
  }

  async #create(
    deployment: Deployment,
    { replicas, revision }: { replicas: number; revision: number },
  ): Promise<void> {
    const { spec, metadata, status } = deployment;
    if (!spec) return;
    const hash = safeEncode(
      hashText(JSON.stringify(spec.template) + (status?.collisionCount ?? 0)),
    );
    const labels = { ...spec.template.metadata?.labels, [HASH_LABEL]: hash };
    const name = `${metadata.name}-${hash}`;
    const replicaSet: ReplicaSet = {
      metadata: {
        name,
        namespace: metadata.namespace,
        labels,
        annotations: {
          ...withoutLastApplied(metadata.annotations),
          [REVISION_ANNOTATION]: String(revision),
        },
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
      await this.#context.client.create(REPLICA_SETS, replicaSet);
      this.#event(deployment, `Scaled up replica set ${name} from 0 to ${replicas}`);
    } catch (error) {
      if (!isApiError(error, "AlreadyExists")) throw error;
      const key = { namespace: metadata.namespace, name };
      const there = await this.#context.client.get(REPLICA_SETS, key);
      // Ours, and the informer is only late; or another's, and the hash must change.
      if (controllerOf(there)?.uid === metadata.uid) return;
      const collisionCount = (status?.collisionCount ?? 0) + 1;
      await this.#context.client.patch(
        DEPLOYMENTS,
        keyOf(deployment),
        { status: { collisionCount } },
        { type: "merge", subresource: "status" },
      );
    }
  }

  async #annotate(deployment: Deployment, revision: number | undefined): Promise<void> {
    const text = String(revision);
    if (revision === undefined || deployment.metadata.annotations?.[REVISION_ANNOTATION] === text)
      return;
    const patch = { metadata: { annotations: { [REVISION_ANNOTATION]: text } } };
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

function withoutLastApplied(
  annotations: Readonly<Record<string, string>> | undefined,
): Record<string, string> {
  const { "kubectl.kubernetes.io/last-applied-configuration": _applied, ...rest } =
    annotations ?? {};
  return rest;
}
