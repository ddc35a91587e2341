/**
 * Objects of all resources over one storage: what every verb does, whoever asks (HTTP, our own
 * components). Per-resource behaviour is in strategies.ts; nothing here knows of HTTP.
 *
 * Writes are compare-and-set: a patch or a status that meets a newer version is made again on it,
 * an update with a resourceVersion of its own is refused with Conflict.
 */
import { type Clock, type Logger, type Random } from "@sagong/base";
import {
  alreadyExists,
  badRequest,
  conflict,
  forbidden,
  invalid,
  namespaceTerminating,
  notFound,
  noUniqueName,
  qualifiedResource,
} from "../api/api-status.js";
import { omitEmpty } from "../api/codec/omit-empty.js";
import { applyDefaults } from "../api/defaults/kind-defaults.js";
import type { ObjectMeta } from "../api/gen/meta-v1.js";
import { generateName } from "../api/meta/generate-name.js";
import { equalTrees } from "../api/patch/json-tree.js";
import { apiVersionOf, type KubeObject, type ObjectKey, type ObjectList } from "../api/resource.js";
import type { Schema } from "../api/schema/schema.js";
import { type ServedResource, servedResources } from "../api/schema/served.js";
import { validateCreate, validateUpdate } from "../api/validation/validate-kind.js";
import { objectKey, resourcePrefix } from "../storage/key-path.js";
import type { Storage, Stored } from "../storage/storage.js";
import { versioned, WatchCache } from "../storage/watch-cache.js";
import { type ListQuery, listObjects } from "./list-objects.js";
import { fromStored, storedKind, toStored } from "./stored-form.js";
import { type StrategyContext, strategyOf } from "./strategies.js";
import { type RegistryEvent, watchObjects, type WatchQuery } from "./watch-objects.js";
import { timeText } from "../api/meta/time-text.js";

export interface RegistryDependencies {
  readonly schema: Schema;
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** A random RFC 9562 UUID. */
  readonly newUid: () => string;
}

export interface WriteQuery {
  readonly dryRun?: boolean | undefined;
}

export interface DeleteQuery extends WriteQuery {
  readonly gracePeriodSeconds?: number | undefined;
  readonly propagationPolicy?: string | undefined;
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
}

/** Attempts of one write against others; then the client is told to try again. */
const MAX_ATTEMPTS = 20;
const MAX_NAME_ATTEMPTS = 8;
/** Events live for an hour, as in Kubernetes. */
const EVENT_TTL_SECONDS = 3_600;

export class Registry {
  readonly resources: readonly ServedResource[];
  readonly #dependencies: RegistryDependencies;
  readonly #caches = new Map<string, WatchCache>();
  readonly #context: StrategyContext;

  constructor(dependencies: RegistryDependencies) {
    this.#dependencies = dependencies;
    this.resources = servedResources(dependencies.schema);
    this.#context = {
      storage: dependencies.storage,
      random: dependencies.random,
      nowText: () => this.#nowText(),
    };
  }

  find(group: string, version: string, resource: string): ServedResource | undefined {
    return this.resources.find(
      (one) => one.group === group && one.version === version && one.resource === resource,
    );
  }

  cacheOf(resource: ServedResource): WatchCache {
    const prefix = resourcePrefix(resource);
    const known = this.#caches.get(prefix);
    if (known) return known;
    const cache = new WatchCache(prefix, this.#dependencies);
    this.#caches.set(prefix, cache);
    return cache;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#caches.values()].map((cache) => cache.close()));
  }

  async get(resource: ServedResource, key: ObjectKey): Promise<KubeObject> {
    return fromStored(resource, await this.#read(resource, key));
  }

  // ── Lists ────────────────────────────────────────────────────────────────────────────────────

  async list(resource: ServedResource, query: ListQuery): Promise<ObjectList> {
    const { items, version, next, remaining } = await listObjects(resource, query, {
      storage: this.#dependencies.storage,
      cache: () => this.cacheOf(resource),
    });
    return {
      kind: `${resource.kind}List`,
      apiVersion: apiVersionOf(resource),
      metadata: {
        resourceVersion: String(version),
        ...(next === undefined ? {} : { continue: next }),
        ...(remaining === undefined ? {} : { remainingItemCount: remaining }),
      },
      items: items.map((object) => fromStored(resource, object)),
    };
  }

  // ── Watches ──────────────────────────────────────────────────────────────────────────────────

  /** Events as clients get them; see watch-objects.ts for when it ends. */
  watch(resource: ServedResource, query: WatchQuery): AsyncGenerator<RegistryEvent> {
    const { clock, random } = this.#dependencies;
    return watchObjects(resource, query, {
      cache: this.cacheOf(resource),
      clock,
      random,
      currentVersion: () => this.#currentVersion(),
      typed: (object) => fromStored(resource, object),
    });
  }

  async #currentVersion(): Promise<number> {
    return (await this.#dependencies.storage.list("/namespaces/", { limit: 1 })).version;
  }

  // ── Writes ───────────────────────────────────────────────────────────────────────────────────

  async create(
    resource: ServedResource,
    given: KubeObject,
    query: WriteQuery = {},
  ): Promise<KubeObject> {
    const stored = this.#storedForm(resource, given);
    if (resource.namespaced) await this.#checkNamespace(resource, stored.metadata);
    const base = given.metadata.generateName;
    const named = given.metadata.name !== undefined && given.metadata.name !== "";
    for (let attempt = 1; ; attempt++) {
      const name = named
        ? given.metadata.name
        : base
          ? generateName(base, this.#dependencies.random)
          : undefined;
      const metadata: ObjectMeta = { ...given.metadata, name };
      const created = await this.#createOnce(resource, { ...stored, metadata }, query);
      if (created) return created;
      if (named) throw alreadyExists(resource, name ?? "");
      if (attempt >= MAX_NAME_ATTEMPTS) throw noUniqueName(resource, name ?? "");
    }
  }

  async #createOnce(
    resource: ServedResource,
    given: KubeObject,
    { dryRun }: WriteQuery,
  ): Promise<KubeObject | undefined> {
    const {
      resourceVersion,
      deletionTimestamp: _d,
      deletionGracePeriodSeconds: _g,
      managedFields: _m,
      selfLink: _s,
      ...metadata
    } = given.metadata;
    if (resourceVersion)
      throw badRequest("resourceVersion should not be set on objects to be created");
    const strategy = strategyOf(resource);
    const prepared: KubeObject = {
      ...given,
      metadata: {
        ...metadata,
        uid: this.#dependencies.newUid(),
        creationTimestamp: this.#nowText(),
        ...(strategy.hasGeneration ? { generation: 1 } : {}),
      },
    };
    const complete = applyDefaults(qualifiedResource(resource), prepared);
    const defaulted = await strategy.admit(
      strategy.prepareCreate(complete, this.#context),
      this.#context,
    );
    check(resource, defaulted, validateCreate(rulesOf(resource), defaulted));
    const key = objectKey(resource, { namespace: metadata.namespace, name: metadata.name ?? "" });
    if (dryRun) {
      if (await this.#dependencies.storage.get(key)) return undefined;
      return fromStored(resource, defaulted);
    }
    const allocated = await strategy.allocate(defaulted, this.#context);
    const ttl = resource.resource === "events" ? EVENT_TTL_SECONDS : undefined;
    const version = await this.#dependencies.storage.create(key, storable(allocated), ttl);
    if (version === undefined) {
      await strategy.release(allocated, this.#context);
      return undefined;
    }
    return fromStored(resource, versioned({ object: allocated, version }).object);
  }

  /** Replaces the object, or one part of it where `subresource` is `status`. */
  update(
    resource: ServedResource,
    given: KubeObject,
    query: WriteQuery & { readonly subresource?: string | undefined } = {},
  ): Promise<KubeObject> {
    const key = { namespace: given.metadata.namespace, name: given.metadata.name ?? "" };
    return this.change(resource, key, () => given, query);
  }

  /**
   * Reads, changes and writes, again where another was faster. What `change` returns may carry a
   * resourceVersion: then that must be the stored one.
   */
  async change(
    resource: ServedResource,
    key: ObjectKey,
    change: (before: KubeObject) => KubeObject,
    query: WriteQuery & { readonly subresource?: string | undefined } = {},
  ): Promise<KubeObject> {
    const { storage } = this.#dependencies;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const stored = await this.#stored(resource, key);
      const before = versioned(stored).object;
      const given = this.#storedForm(resource, change(fromStored(resource, before)));
      const { resourceVersion, uid } = given.metadata;
      if (uid !== undefined && uid !== before.metadata.uid) {
        throw conflict(
          resource,
          key.name,
          `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${before.metadata.uid}`,
        );
      }
      if (resourceVersion && resourceVersion !== before.metadata.resourceVersion)
        throw conflict(resource, key.name);
      const next = this.#prepareUpdate(resource, { given, before, subresource: query.subresource });
      if (equalTrees(storable(next), storable(stored.object))) return fromStored(resource, before);
      // As if it had been written, but at the version that is there.
      if (query.dryRun)
        return fromStored(resource, versioned({ object: next, version: stored.version }).object);
      const path = objectKey(resource, key);
      if (mustGo(next)) {
        const gone = await storage.delete(path, stored.version);
        if (gone === undefined) continue;
        await strategyOf(resource).release(next, this.#context);
        return fromStored(resource, versioned({ object: next, version: gone }).object);
      }
      const strategy = strategyOf(resource);
      const allocated = await strategy.allocate(next, this.#context, before);
      const version = await storage.update(path, storable(allocated), stored.version);
      if (version !== undefined) {
        await strategy.release(before, this.#context, allocated);
        return fromStored(resource, versioned({ object: allocated, version }).object);
      }
      await strategy.release(allocated, this.#context, before);
      if (resourceVersion) throw conflict(resource, key.name);
    }
    throw conflict(resource, key.name);
  }

  #prepareUpdate(
    resource: ServedResource,
    {
      given,
      before,
      subresource,
    }: { given: KubeObject; before: KubeObject; subresource: string | undefined },
  ): KubeObject {
    const strategy = strategyOf(resource);
    const kept = before.metadata;
    if (subresource === "status") {
      return { ...before, ...strategy.statusOf(given), metadata: kept };
    }
    // These were made from the stored object by our own code, which changes what clients may not.
    if (subresource === "binding" || subresource === "finalize") return given;
    const metadata: ObjectMeta = {
      ...given.metadata,
      uid: kept.uid,
      creationTimestamp: kept.creationTimestamp,
      namespace: given.metadata.namespace ?? kept.namespace,
      generation: kept.generation,
      // Only deletion sets these.
      ...(kept.deletionTimestamp === undefined
        ? { deletionTimestamp: undefined }
        : {
            deletionTimestamp: kept.deletionTimestamp,
            deletionGracePeriodSeconds: kept.deletionGracePeriodSeconds,
          }),
      managedFields: undefined,
      resourceVersion: undefined,
      generateName: kept.generateName,
    };
    const merged = strategy.prepareUpdate({ ...given, metadata }, before, this.#context);
    const defaulted = applyDefaults(qualifiedResource(resource), merged);
    check(resource, defaulted, validateUpdate(rulesOf(resource), defaulted, before));
    if (!strategy.hasGeneration || equalTrees(strategy.specOf(defaulted), strategy.specOf(before)))
      return defaulted;
    return {
      ...defaulted,
      metadata: { ...defaulted.metadata, generation: (kept.generation ?? 1) + 1 },
    };
  }

  // ── Deletion ─────────────────────────────────────────────────────────────────────────────────

  /** The object as it is after: marked as going, or as it was when it went. */
  async delete(
    resource: ServedResource,
    key: ObjectKey,
    query: DeleteQuery = {},
  ): Promise<KubeObject> {
    const { storage } = this.#dependencies;
    const path = objectKey(resource, key);
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const stored = await this.#stored(resource, key);
      const before = versioned(stored).object;
      checkPreconditions(resource, before, query);
      const why = strategyOf(resource).staysBecause(before);
      if (why !== undefined) throw forbidden(why, { resource, name: key.name });
      const marked = this.#markDeleted(resource, before, query);
      if (query.dryRun)
        return fromStored(resource, versioned({ object: marked, version: stored.version }).object);
      if (mustGo(marked)) {
        const version = await storage.delete(path, stored.version);
        if (version === undefined) continue;
        await strategyOf(resource).release(before, this.#context);
        return fromStored(resource, versioned({ object: marked, version }).object);
      }
      if (equalTrees(storable(marked), storable(stored.object)))
        return fromStored(resource, before);
      const version = await storage.update(path, storable(marked), stored.version);
      if (version !== undefined)
        return fromStored(resource, versioned({ object: marked, version }).object);
    }
    throw conflict(resource, key.name);
  }

  #markDeleted(resource: ServedResource, before: KubeObject, query: DeleteQuery): KubeObject {
    const grace = strategyOf(resource).graceSeconds(before, query.gracePeriodSeconds);
    const earlier = before.metadata.deletionTimestamp;
    const known = before.metadata.deletionGracePeriodSeconds;
    const finalizers = new Set(before.metadata.finalizers);
    if (query.propagationPolicy === "Foreground") finalizers.add("foregroundDeletion");
    if (query.propagationPolicy === "Orphan") finalizers.add("orphan");
    // A second deletion can only shorten what is left.
    const shortened = earlier === undefined || known === undefined || grace < known;
    const seconds = shortened ? grace : known;
    const endMs = this.#dependencies.clock.wallMs() + grace * 1000;
    const metadata: ObjectMeta = {
      ...before.metadata,
      deletionTimestamp: shortened ? timeText(endMs) : earlier,
      deletionGracePeriodSeconds: seconds,
      ...(finalizers.size > 0 ? { finalizers: [...finalizers] } : {}),
    };
    return strategyOf(resource).prepareDelete({ ...before, metadata });
  }

  // ── Parts ────────────────────────────────────────────────────────────────────────────────────

  /** As it is kept: in the one form of its resource, without what Go's JSON leaves out. */
  #storedForm(resource: ServedResource, given: KubeObject): KubeObject {
    const { schema } = this.#dependencies;
    const typeName = schema.typeNameOf(storedKind(resource));
    const stored = toStored(resource, given);
    return typeName === undefined ? stored : omitEmpty(schema, typeName, stored);
  }

  async #stored(resource: ServedResource, key: ObjectKey): Promise<Stored> {
    const stored = await this.#dependencies.storage.get(objectKey(resource, key));
    if (!stored) throw notFound(resource, key.name);
    return stored;
  }

  async #read(resource: ServedResource, key: ObjectKey): Promise<KubeObject> {
    return versioned(await this.#stored(resource, key)).object;
  }

  async #checkNamespace(resource: ServedResource, given: ObjectMeta): Promise<void> {
    const { name = "", namespace = "" } = given;
    const stored = await this.#dependencies.storage.get(`/namespaces/${namespace}`);
    if (!stored) throw notFound({ group: "", resource: "namespaces" }, namespace);
    if (stored.object.metadata.deletionTimestamp === undefined || resource.resource === "events")
      return;
    throw namespaceTerminating(resource, { name, namespace });
  }

  #nowText(): string {
    return timeText(this.#dependencies.clock.wallMs());
  }
}

/** Marked as deleted, and nothing holds it: no finalizer, no grace. */
function mustGo({ metadata }: KubeObject): boolean {
  return (
    metadata.deletionTimestamp !== undefined &&
    (metadata.finalizers ?? []).length === 0 &&
    (metadata.deletionGracePeriodSeconds ?? 0) === 0
  );
}

function checkPreconditions(
  resource: ServedResource,
  object: KubeObject,
  query: DeleteQuery,
): void {
  const { name = "", uid, resourceVersion } = object.metadata;
  if (query.uid !== undefined && query.uid !== uid) {
    throw conflict(
      resource,
      name,
      `Precondition failed: UID in precondition: ${query.uid}, UID in object meta: ${uid}`,
    );
  }
  if (query.resourceVersion !== undefined && query.resourceVersion !== resourceVersion) {
    throw conflict(
      resource,
      name,
      `Precondition failed: ResourceVersion in precondition: ${query.resourceVersion}, ResourceVersion in object meta: ${resourceVersion}`,
    );
  }
}

function check(
  resource: ServedResource,
  object: KubeObject,
  causes: Parameters<typeof invalid>[2],
): void {
  if (causes.length > 0) throw invalid(resource, object.metadata.name ?? "", causes);
}

function rulesOf(resource: ServedResource): { qualified: string; namespaced: boolean } {
  return { qualified: qualifiedResource(resource), namespaced: resource.namespaced };
}

/** Kind and version are known by the key, the resourceVersion by the revision. */
function storable(object: KubeObject): KubeObject {
  const { kind: _kind, apiVersion: _apiVersion, ...rest } = object;
  const { resourceVersion: _resourceVersion, ...metadata } = object.metadata;
  return { ...rest, metadata };
}
