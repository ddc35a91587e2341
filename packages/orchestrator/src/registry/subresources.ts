/** Subresources with a behaviour of their own: binding, eviction, scale, finalize. */
import { ApiError, badRequest, conflict } from "../api/api-status.js";
import type { Deployment, ReplicaSet } from "../api/gen/apps-v1.js";
import type { Scale } from "../api/gen/autoscaling-v1.js";
import type { Binding, Namespace, Pod } from "../api/gen/core-v1.js";
import { selectorText } from "../api/selectors/label-selector.js";
import type { KubeObject, ObjectKey } from "../api/resource.js";
import type { ServedResource } from "../api/schema/served.js";
import type { Registry } from "./registry.js";

/** pods/binding: gives an unassigned pod its node, once. */
export async function bindPod(
  registry: Registry,
  resource: ServedResource,
  {
    key,
    body,
    nowText,
  }: { readonly key: ObjectKey; readonly body: KubeObject; readonly nowText: string },
): Promise<void> {
  const { target } = body as Binding; // Decoded against the kind Binding.
  if (!target?.name) throw badRequest("target.name: Required value");
  const nodeName = target.name;
  // Through the store as one write: spec.nodeName and the condition that tells of it.
  await registry.change(resource, key, (before) => assign(resource, before as Pod, nodeName), {
    subresource: "binding",
  });
  await registry.change(resource, key, (before) => scheduled(before as Pod, nowText), {
    subresource: "status",
  });
}

function assign(resource: ServedResource, pod: Pod, nodeName: string): Pod {
  const { name = "" } = pod.metadata;
  if (pod.metadata.deletionTimestamp !== undefined) {
    throw conflict(
      resource,
      `pods/binding`,
      `pod ${name} is being deleted, cannot be assigned to a host`,
    );
  }
  if (pod.spec?.nodeName) {
    throw conflict(
      resource,
      name,
      `pod ${name} is already assigned to node "${pod.spec.nodeName}"`,
    );
  }
  return { ...pod, spec: { ...pod.spec, containers: pod.spec?.containers ?? [], nodeName } };
}

function scheduled(pod: Pod, nowText: string): Pod {
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== "PodScheduled");
  const condition = { type: "PodScheduled", status: "True", lastTransitionTime: nowText };
  return {
    ...pod,
    metadata: { ...pod.metadata, resourceVersion: undefined },
    status: { ...pod.status, conditions: [...others, condition] },
  };
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
    metadata: { ...scalable.metadata, ...(resourceVersion ? { resourceVersion } : {}) },
    spec: { ...scalable.spec, replicas },
  } as Scalable; // The same kind, with another number.
}

/** namespaces/finalize: the only way to change a namespace's finalizers. */
export function withFinalizers(object: KubeObject, body: KubeObject): KubeObject {
  const finalizers = (body as Namespace).spec?.finalizers ?? []; // Decoded against the kind Namespace.
  const namespace = object as Namespace; // The subresource is a namespace's.
  const done = finalizers.length === 0 && namespace.metadata.deletionTimestamp !== undefined;
  const metadata = done
    ? { ...namespace.metadata, deletionGracePeriodSeconds: 0 }
    : namespace.metadata;
  return { ...namespace, metadata, spec: { ...namespace.spec, finalizers } } as KubeObject;
}
