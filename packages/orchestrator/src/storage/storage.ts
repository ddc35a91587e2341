/**
 * Where the registry keeps objects: get, list, watch and compare-and-set by key. resourceVersions
 * are the store's revisions, as text in objects and as numbers here.
 */
import type { KubeObject } from "../api/resource.js";

export interface Stored {
  readonly object: KubeObject;
  readonly version: number;
}

export interface StoredList {
  readonly items: readonly Stored[];
  /** The revision that the list is of. */
  readonly version: number;
  /** More follow after the last item's key. */
  readonly more: boolean;
  readonly remaining: number;
}

export interface ListRequest {
  /** Only keys after this one. */
  readonly after?: string | undefined;
  /** The revision to list at; 0: the latest. */
  readonly version?: number | undefined;
  readonly limit?: number | undefined;
}

export type StorageEvent =
  | {
      readonly type: "put";
      readonly key: string;
      readonly object: KubeObject;
      readonly version: number;
    }
  | { readonly type: "delete"; readonly key: string; readonly version: number };

export interface StorageBatch {
  readonly version: number;
  readonly events: readonly StorageEvent[];
}

export interface StorageWatch extends AsyncIterable<StorageBatch> {
  /**
   * Asks for a batch that says how far the store has come, though nothing changed under the prefix.
   * It may not come: ask again.
   */
  requestProgress(): void;
}

/** All rejections are `ApiError`s. Keys are paths below the registry's root. */
export interface Storage {
  get(key: string): Promise<Stored | undefined>;
  list(prefix: string, request?: ListRequest): Promise<StoredList>;
  /** The new version; undefined where the key exists. */
  create(key: string, object: KubeObject, ttlSeconds?: number): Promise<number | undefined>;
  /** The new version; undefined where the stored version is another than `expected`. */
  update(key: string, object: KubeObject, expected: number): Promise<number | undefined>;
  /** Undefined where the stored version is another than `expected`. */
  delete(key: string, expected: number): Promise<number | undefined>;
  /** Batches after `version`. Throws `ApiError` Expired where that is compacted. */
  watch(prefix: string, version: number, signal: AbortSignal): StorageWatch;
}
