/**
 * How every component of ours reads and writes objects: the scheduler, the controllers and the node
 * agent know this interface and nothing of the API server behind it. Implementations: in-process,
 * our gRPC object service, Kubernetes REST. All refusals are `ApiError`s with Kubernetes' reasons.
 */
import type { KubeObject, ObjectKey, ObjectList, Resource, WatchEvent } from "../api/resource.js";

export interface RequestOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface ListOptions extends RequestOptions {
  /** Left out: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** "" or left out: consistent. "0": whatever the cache has. "N": not older than N. */
  readonly resourceVersion?: string | undefined;
  readonly limit?: number | undefined;
  readonly continue?: string | undefined;
}

export interface WatchOptions extends RequestOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Events after this version. Left out with `sendInitialEvents`: from the state as it is. */
  readonly resourceVersion?: string | undefined;
  /** ADDED for everything that is there, then a BOOKMARK annotated with initial-events-end. */
  readonly sendInitialEvents?: boolean | undefined;
  readonly allowWatchBookmarks?: boolean | undefined;
  /** The server ends the watch after so long; it picks 30 to 60 minutes where left out. */
  readonly timeoutSeconds?: number | undefined;
}

export interface WriteOptions extends RequestOptions {
  readonly fieldManager?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface UpdateOptions extends WriteOptions {
  /** `status`, `scale`, `finalize`, …: writes that part only. */
  readonly subresource?: string | undefined;
}

export type PatchType = "json" | "merge" | "strategic-merge";

export interface PatchOptions extends UpdateOptions {
  readonly type: PatchType;
}

export interface DeleteOptions extends RequestOptions {
  readonly gracePeriodSeconds?: number | undefined;
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan" | undefined;
  readonly preconditions?:
    | { readonly uid?: string | undefined; readonly resourceVersion?: string | undefined }
    | undefined;
}

/** The initial-events-end mark of a BOOKMARK (KEP-3157). */
export const INITIAL_EVENTS_END = "k8s.io/initial-events-end";

export interface ObjectClient {
  get<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    options?: RequestOptions,
  ): Promise<T>;

  list<T extends KubeObject>(resource: Resource<T>, options?: ListOptions): Promise<ObjectList<T>>;

  /**
   * Ends normally when the server ends it (timeout, shutdown): watch again from the last version.
   * Throws `ApiError` with reason Expired or Gone when the version is too old: list again.
   */
  watch<T extends KubeObject>(
    resource: Resource<T>,
    options?: WatchOptions,
  ): AsyncIterable<WatchEvent<T>>;

  create<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    options?: WriteOptions,
  ): Promise<T>;

  /** Refused with Conflict unless `metadata.resourceVersion`, where given, is the present one. */
  update<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    options?: UpdateOptions,
  ): Promise<T>;

  patch<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    patch: unknown,
    options: PatchOptions,
  ): Promise<T>;

  /** Resolves once deletion is accepted; the object may live on until its finalizers are gone. */
  delete<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    options?: DeleteOptions,
  ): Promise<void>;

  /** POST to a subresource: pods/binding, pods/eviction, serviceaccounts/token. */
  createSubresource<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    subresource: string,
    body: KubeObject,
    options?: WriteOptions,
  ): Promise<KubeObject>;

  /**
   * Every resource that the server serves and that can be listed, watched and deleted: what
   * namespace deletion and garbage collection walk over.
   */
  resources(options?: RequestOptions): Promise<readonly Resource[]>;

  close(): Promise<void>;
}
