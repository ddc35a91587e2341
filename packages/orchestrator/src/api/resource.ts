/** What names a collection of objects, and the least that every object has. */
import type { ListMeta, ObjectMeta } from "./gen/meta-v1.js";

/** Any Kubernetes object. Objects are never changed in place: a change makes a new one. */
export interface KubeObject {
  readonly apiVersion?: string | undefined;
  readonly kind?: string | undefined;
  readonly metadata: ObjectMeta;
}

/**
 * One resource of one version. The type parameter is what its objects are; it exists only for the
 * compiler, so that `client.get(PODS, …)` is a Pod.
 */
export interface Resource<T extends KubeObject = KubeObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** Plural, lower-case: the URL's segment. */
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly __object?: T;
}

export interface ObjectKey {
  /** Left out for cluster-scoped resources. */
  readonly namespace?: string | undefined;
  readonly name: string;
}

export interface ObjectList<T extends KubeObject = KubeObject> {
  readonly apiVersion?: string | undefined;
  readonly kind?: string | undefined;
  readonly metadata: ListMeta;
  readonly items: readonly T[];
}

export type WatchEvent<T extends KubeObject = KubeObject> =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: T }
  /** Only `metadata.resourceVersion` (and the initial-events-end annotation) means anything. */
  | { readonly type: "BOOKMARK"; readonly object: T };

/** `v1`, or `apps/v1`. */
export function apiVersionOf(resource: { group: string; version: string }): string {
  return resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
}

/** `namespace/name`, or `name`: the key of work queues and caches. */
export function keyText(key: ObjectKey): string {
  return key.namespace ? `${key.namespace}/${key.name}` : key.name;
}

export function keyOf(object: KubeObject): ObjectKey {
  return { namespace: object.metadata.namespace, name: object.metadata.name ?? "" };
}
