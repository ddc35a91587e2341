/** Subresources with a behaviour of their own: binding, eviction, scale, finalize. */
import { ApiError, badRequest, conflict } from "../api/api-status.js";
import type { Deployment, ReplicaSet } from "../api/gen/apps-v1.js";
import type { Scale } from "../api/gen/autoscaling-v1.js";
import type { Binding, Namespace, Pod } from "../api/gen/core-v1.js";
import type { Eviction } from "../api/gen/policy-v1.js";
import { selectorText } from "../api/selectors/label-selector.js";
import type { KubeObject, ObjectKey } from "../api/resource.js";
import type { ServedResource } from "../api/schema/served.js";
import type { Registry } from "./registry.js";

export interface BindRequest {
  readonly key: ObjectKey;
  /** Decoded against the kind Binding. */
  readonly body: KubeObject;
  readonly nowText: string;
  readonly dryRun?: boolean | undefined;
}

/** pods/binding: gives an unassigned pod its node, once: the name and the condition in one write. */
export async function bindPod(
  registry: Registry,
  resource: ServedResource,
  { key, body, nowText, dryRun }: BindRequest,
): Promise<void> {
  const { target } = body as Binding; // As `BindRequest` says.
  if (!target?.name) throw badRequest("target.name: Required value");
  const nodeName = target.name;
  const { resourceVersion, uid } = body.metadata;
  // The scheduler names the pod that it decided on: another of that name is not meant.
  const assign = (before: KubeObject): KubeObject => {
    const pod = assigned(resource, before as Pod, { nodeName, nowText }); // The subresource is a pod's.
    return { ...pod, metadata: { ...pod.metadata, resourceVersion, uid: uid ?? pod.metadata.uid } };
  };
  await registry.change(resource, key, assign, { subresource: "binding", dryRun });
}

function assigned(
  resource: ServedResource,
  pod: Pod,
  { nodeName, nowText }: { readonly nodeName: string; readonly nowText: string },
): Pod {
  const { name = "" } = pod.metadata;
  if (pod.metadata.deletionTimestamp !== undefined) {
    throw conflict(
      { group: resource.group, resource: "pods/binding" },
      name,
      `pod ${name} is being deleted, cannot be assigned to a host`,
    );
  }
  if (pod.spec?.nodeName) {
    throw conflict(
      { group: resource.group, resource: "pods/binding" },
      name,
      `pod ${name} is already assigned to node "${pod.spec.nodeName}"`,
    );
  }
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== "PodScheduled");
  const condition = { type: "PodScheduled", status: "True", lastTransitionTime: nowText };
  return {
    ...pod,
    spec: { ...pod.spec, containers: pod.spec?.containers ?? [], nodeName },
    status: { ...pod.status, conditions: [...others, condition] },
  };
}

/** pods/eviction: a deletion with the eviction's own options. */
export async function evictPod(
  registry: Registry,
  resource: ServedResource,
  request: Pick<BindRequest, "key" | "body" | "dryRun">,
): Promise<void> {
  const { deleteOptions: options } = request.body as Eviction; // Decoded against that kind.
  await registry.delete(resource, request.key, {
    dryRun: request.dryRun,
    gracePeriodSeconds: options?.gracePeriodSeconds,
    propagationPolicy: options?.propagationPolicy,
    ...options?.preconditions,
  });
}

type Scalable = Deployment | ReplicaSet;

export function scaleOf(object: KubeObject): Scale {
  const { metadata, spec, status } = object as Scalable; // Only these have the subresource.
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: {
      name: metadata.name,
      namespace: metadata.namespace,
      uid: metadata.uid,
      resourceVersion: metadata.resourceVersion,
      creationTimestamp: metadata.creationTimestamp,
    },
    spec: { replicas: spec?.replicas ?? 0 },
    status: {
      replicas: status?.replicas ?? 0,
      selector: spec?.selector ? selectorText(spec.selector) : "",
    },
  };
}

export function withScale(object: KubeObject, scale: KubeObject): KubeObject {
  const replicas = (scale as Scale).spec?.replicas ?? 0; // Decoded against the kind Scale.
  if (!Number.isInteger(replicas) || replicas < 0) {
    throw new ApiError(
      "Invalid",
      `Scale.autoscaling "${object.metadata.name}" is invalid: spec.replicas: Invalid value: ${replicas}: must be greater than or equal to 0`,
    );
  }
  const scalable = object as Scalable; // As above.
  const { resourceVersion } = scale.metadata;
  return {
    ...scalable,
    // Without a version of its own it goes onto whatever is there.
    metadata: { ...scalable.metadata, resourceVersion },
    spec: { ...scalable.spec, replicas },
  } as Scalable; // The same kind, with another number.
}

/** namespaces/finalize: the only way to change a namespace's finalizers. */
export function withFinalizers(object: KubeObject, body: KubeObject): KubeObject {
  const finalizers = (body as Namespace).spec?.finalizers ?? []; // Decoded against the kind Namespace.
  const namespace = object as Namespace; // The subresource is a namespace's.
  const done = finalizers.length === 0 && namespace.metadata.deletionTimestamp !== undefined;
  const { resourceVersion } = body.metadata;
  const metadata = {
    ...namespace.metadata,
    resourceVersion,
    ...(done ? { deletionGracePeriodSeconds: 0 } : {}),
  };
  return { ...namespace, metadata, spec: { ...namespace.spec, finalizers } } as KubeObject;
}
