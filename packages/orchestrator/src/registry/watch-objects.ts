/**
 * One client's watch of a resource: what it selects out of the watch cache's changes, bookmarks,
 * and its end. Nothing here knows of HTTP or gRPC.
 *
 * W1 events come in order of versions, each once; a BOOKMARK comes after every event up to its
 *    version (KEP-956), so that who goes on from it misses nothing.
 * W2 it ends normally when its time is over, its reader aborts or is too slow, or the server
 *    closes; with an `ApiError` where the client must read everything anew.
 */
import { type Clock, type Random, randomFraction } from "@sagong/base";
import { apiVersionOf, type KubeObject } from "../api/resource.js";
import type { ServedResource } from "../api/schema/served.js";
import {
  type CacheChange,
  type CacheWatch,
  type WatchCache,
  WatchStoppedError,
} from "../storage/watch-cache.js";
import { type Selection, selection, versionOf } from "./selection.js";

export interface WatchQuery extends Selection {
  readonly resourceVersion?: string | undefined;
  readonly sendInitialEvents?: boolean | undefined;
  readonly allowWatchBookmarks?: boolean | undefined;
  /** Left out: half an hour to an hour, so that not all clients come back at once. */
  readonly timeoutSeconds?: number | undefined;
  readonly signal: AbortSignal;
}

export interface RegistryEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: KubeObject;
  /** The BOOKMARK after the initial events (KEP-3157). */
  readonly initialEnd?: boolean;
}

export interface WatchObjectsDependencies {
  readonly cache: WatchCache;
  readonly clock: Clock;
  readonly random: Random;
  /** Of the store. */
  readonly currentVersion: () => Promise<number>;
  /** With its kind and apiVersion. */
  readonly typed: (object: KubeObject) => KubeObject;
}

/** How long a watch may wait for the cache to come to the version that it asks for. */
export const REACH_LIMIT_MS = 3_000;
/** kube-apiserver's pace. */
const BOOKMARK_MS = 60_000;
const MIN_TIMEOUT_SECONDS = 1_800;
/** Timers hold no more than 24 days; a client may ask for any number. */
const MAX_TIMEOUT_SECONDS = 86_400;

export async function* watchObjects(
  resource: ServedResource,
  query: WatchQuery,
  dependencies: WatchObjectsDependencies,
): AsyncGenerator<RegistryEvent> {
  const matches = selection(resource, query);
  const watch = await begin(query, dependencies);
  const pace = new Pace(watch, query, dependencies);
  const { typed } = dependencies;
  try {
    for (const object of watch.initial) {
      if (matches(object)) yield { type: "ADDED", object: typed(object) };
    }
    if (query.sendInitialEvents && query.allowWatchBookmarks) {
      yield { type: "BOOKMARK", object: bookmark(resource, watch.version), initialEnd: true };
    }
    while (!pace.isOver) {
      const { changes, version } = await watch.next();
      for (const change of changes) {
        const event = eventOf(change, matches);
        if (event) yield { type: event.type, object: typed(event.object) };
      }
      if (pace.takeBookmark()) yield { type: "BOOKMARK", object: bookmark(resource, version) };
    }
  } catch (error) {
    if (!(error instanceof WatchStoppedError)) throw error;
  } finally {
    pace.end();
    watch.stop();
  }
}

async function begin(
  query: WatchQuery,
  { cache, currentVersion }: WatchObjectsDependencies,
): Promise<CacheWatch> {
  const { sendInitialEvents, resourceVersion = "" } = query;
  const asked = versionOf(resourceVersion);
  // Unset means the most recent, "0" whatever there is (API concepts: semantics for watch).
  const least = resourceVersion === "" ? await currentVersion() : asked;
  if (least > 0) await cache.reach(least, REACH_LIMIT_MS);
  if (sendInitialEvents) return cache.watch(undefined);
  if (asked > 0) return cache.watch(asked);
  return sendInitialEvents === undefined ? cache.watch(undefined) : cache.watchFromNow();
}

function eventOf(
  { before, object, deleted }: CacheChange,
  matches: (object: KubeObject) => boolean,
): RegistryEvent | undefined {
  const was = before !== undefined && matches(before);
  const is = !deleted && matches(object);
  if (is) return { type: was ? "MODIFIED" : "ADDED", object };
  if (!was) return undefined;
  // One that is no longer selected is given as it was selected last, at the version of its going.
  return { type: "DELETED", object: deleted ? object : withVersionOf(before, object) };
}

function withVersionOf(object: KubeObject, { metadata }: KubeObject): KubeObject {
  const { resourceVersion } = metadata;
  return { ...object, metadata: { ...object.metadata, resourceVersion } };
}

/** A kind and a version, nothing else. */
function bookmark(resource: ServedResource, version: number): KubeObject {
  return {
    kind: resource.kind,
    apiVersion: apiVersionOf(resource),
    metadata: { resourceVersion: String(version) },
  };
}

/** When a bookmark is due, and when the watch is over: each wakes the one who waits for changes. */
class Pace {
  readonly #watch: CacheWatch;
  readonly #signal: AbortSignal;
  readonly #stop: () => void;
  #timers: (() => void)[] = [];
  #isBookmarkDue = false;
  isOver = false;

  constructor(
    watch: CacheWatch,
    { signal, allowWatchBookmarks, timeoutSeconds }: WatchQuery,
    { clock, random }: WatchObjectsDependencies,
  ) {
    this.#watch = watch;
    this.#signal = signal;
    this.#stop = (): void => {
      this.isOver = true;
      watch.stop();
    };
    if (signal.aborted) this.#stop();
    signal.addEventListener("abort", this.#stop);
    const seconds = timeoutSeconds ?? MIN_TIMEOUT_SECONDS * (1 + randomFraction(random));
    const timeoutMs = Math.min(seconds, MAX_TIMEOUT_SECONDS) * 1000;
    const timeout = clock.schedule(timeoutMs, this.#stop);
    this.#timers.push(() => timeout.cancel());
    if (!allowWatchBookmarks) return;
    const tick = (): void => {
      this.#isBookmarkDue = true;
      this.#watch.wake();
      timer = clock.schedule(BOOKMARK_MS, tick);
    };
    let timer = clock.schedule(BOOKMARK_MS, tick);
    this.#timers.push(() => timer.cancel());
  }

  takeBookmark(): boolean {
    const isDue = this.#isBookmarkDue;
    this.#isBookmarkDue = false;
    return isDue;
  }

  end(): void {
    this.#signal.removeEventListener("abort", this.#stop);
    for (const cancel of this.#timers) cancel();
  }
}
