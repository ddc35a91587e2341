/**
 * `ObjectClient` straight onto the registry: for components in the API server's own process, and
 * behind the object service. Objects are held against their types as REST holds them: unknown
 * fields go, wrong types are refused.
 */
import type { Clock } from "@sagong/base";
import { ApiError, isApiError, notFound } from "../api/api-status.js";
import type { Status } from "../api/gen/meta-v1.js";
import type { KubeObject, ObjectKey, ObjectList, Resource, WatchEvent } from "../api/resource.js";
import type { Schema } from "../api/schema/schema.js";
import type { ServedResource, ServedSubresource } from "../api/schema/served.js";
import { checkTree, type ExpectedKind } from "../apiserver/read-body.js";
import { patchOf, patchRefusal, withoutOwnVersion } from "../registry/patch-object.js";
import type { Registry } from "../registry/registry.js";
import { bindPod, evictPod, scaleOf, withFinalizers, withScale } from "../registry/subresources.js";
import {
  type DeleteOptions,
  INITIAL_EVENTS_END,
  type ListOptions,
  type ObjectClient,
  type PatchOptions,
  type RequestOptions,
  type UpdateOptions,
  type WatchOptions,
  type WriteOptions,
} from "./object-client.js";
import { timeText } from "../api/meta/time-text.js";

export interface InProcessDependencies {
  readonly registry: Registry;
  readonly schema: Schema;
  readonly clock: Clock;
}

/** What a write replaces: the object, or one of its parts. */
type Part = "main" | "status" | "scale" | "finalize";

export class InProcessClient implements ObjectClient {
  readonly #registry: Registry;
  readonly #schema: Schema;
  readonly #clock: Clock;

  constructor({ registry, schema, clock }: InProcessDependencies) {
    this.#registry = registry;
    this.#schema = schema;
    this.#clock = clock;
  }

  // ── Reads ────────────────────────────────────────────────────────────────────────────────────

  async get<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    options: RequestOptions = {},
  ): Promise<T> {
    options.signal?.throwIfAborted();
    return (await this.#registry.get(this.#served(resource), key)) as T; // Objects of that resource.
  }

  async list<T extends KubeObject>(
    resource: Resource<T>,
    options: ListOptions = {},
  ): Promise<ObjectList<T>> {
    const { signal, limit, ...query } = options;
    signal?.throwIfAborted();
    const served = this.#served(resource);
    // 0 is no limit, as everywhere in Kubernetes.
    return (await this.#registry.list(served, {
      ...query,
      limit: limit || undefined,
    })) as ObjectList<T>; // As above.
  }

  async *watch<T extends KubeObject>(
    resource: Resource<T>,
    options: WatchOptions = {},
  ): AsyncGenerator<WatchEvent<T>> {
    const { signal = new AbortController().signal, ...query } = options;
    if (signal.aborted) return;
    const events = this.#registry.watch(this.#served(resource), {
      ...query,
      ...(query.sendInitialEvents === undefined ? {} : { resourceVersionMatch: "NotOlderThan" }),
      signal,
    });
    for await (const { type, object, initialEnd } of events) {
      if (signal.aborted) return;
      yield { type, object: (initialEnd ? withEndMark(object) : object) as T }; // As above.
    }
  }

  async resources(options: RequestOptions = {}): Promise<readonly Resource[]> {
    options.signal?.throwIfAborted();
    const walked = this.#registry.resources.filter(
      ({ verbs }) => verbs.includes("watch") && verbs.includes("delete"),
    );
    return walked.map(({ group, version, resource, kind, namespaced }) => {
      return { group, version, resource, kind, namespaced };
    });
  }

  // ── Writes ───────────────────────────────────────────────────────────────────────────────────

  async create<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    options: WriteOptions = {},
  ): Promise<T> {
    options.signal?.throwIfAborted();
    const served = this.#served(resource);
    const { dryRun } = options;
    const created = await this.#registry.create(served, this.#checked(object, served), { dryRun });
    return created as T; // As above.
  }

  async update<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    options: UpdateOptions = {},
  ): Promise<T> {
    options.signal?.throwIfAborted();
    const served = this.#served(resource);
    const part = partOf(served, options.subresource);
    const { namespace, name = "" } = object.metadata;
    const given = this.#checked(object, kindOf(served, part));
    return (await this.#change(
      served,
      { namespace, name },
      {
        ...options,
        part,
        replacement: () => given,
      },
    )) as T; // As above.
  }

  async patch<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    patch: unknown,
    options: PatchOptions,
  ): Promise<T> {
    options.signal?.throwIfAborted();
    const served = this.#served(resource);
    const part = partOf(served, options.subresource);
    const target = kindOf(served, part);
    const apply = patchOf(this.#schema, { type: options.type, patch, target });
    const replacement = (before: KubeObject): KubeObject => {
      const patched = apply(before);
      try {
        return withoutOwnVersion(this.#checked(patched, target), before);
      } catch (error) {
        if (!isApiError(error, "BadRequest")) throw error;
        throw patchRefusal(options.type === "strategic-merge" ? patch : patched, error.message);
      }
    };
    return (await this.#change(served, key, { ...options, part, replacement })) as T; // As above.
  }

  async #change(
    served: ServedResource,
    key: ObjectKey,
    write: {
      readonly part: Part;
      readonly dryRun?: boolean | undefined;
      /** What the part is to be, from what it is. */
      readonly replacement: (before: KubeObject) => KubeObject;
    },
  ): Promise<KubeObject> {
    const { part, dryRun, replacement } = write;
    switch (part) {
      case "main":
        return this.#registry.change(served, key, replacement, { dryRun });
      case "status":
        return this.#registry.change(served, key, replacement, { dryRun, subresource: part });
      case "finalize": {
        const change = (before: KubeObject): KubeObject =>
          withFinalizers(before, replacement(before));
        return this.#registry.change(served, key, change, { dryRun, subresource: part });
      }
      case "scale": {
        const change = (before: KubeObject): KubeObject =>
          withScale(before, replacement(scaleOf(before)));
        return scaleOf(await this.#registry.change(served, key, change, { dryRun }));
      }
    }
  }

  async delete<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    options: DeleteOptions = {},
  ): Promise<void> {
    const { gracePeriodSeconds, propagationPolicy, preconditions, signal } = options;
    signal?.throwIfAborted();
    await this.#registry.delete(this.#served(resource), key, {
      gracePeriodSeconds,
      propagationPolicy,
      ...preconditions,
    });
  }

  async createSubresource<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    subresource: string,
    body: KubeObject,
    options: WriteOptions = {},
  ): Promise<KubeObject> {
    const { signal, dryRun } = options;
    signal?.throwIfAborted();
    const served = this.#served(resource);
    const target = subresourceOf(served, subresource);
    if (subresource === "eviction") {
      await evictPod(this.#registry, served, { key, body: this.#checked(body, target), dryRun });
    } else if (subresource === "binding") {
      const nowText = timeText(this.#clock.wallMs());
      const binding = this.#checked(body, target);
      await bindPod(this.#registry, served, { key, body: binding, nowText, dryRun });
    } else {
      throw new ApiError(
        "MethodNotAllowed",
        "the server does not allow this method on the requested resource",
      );
    }
    return SUCCESS;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  // ── Parts ────────────────────────────────────────────────────────────────────────────────────

  /** Without the fields that its kind does not have. */
  #checked(object: unknown, expected: ExpectedKind): KubeObject {
    const { group, version, kind } = expected;
    return checkTree(object, {
      schema: this.#schema,
      fieldValidation: "Ignore",
      expected: { group, version, kind },
    }).object;
  }

  #served(resource: Resource): ServedResource {
    const served = this.#registry.find(resource.group, resource.version, resource.resource);
    if (!served) throw notFound(resource, resource.resource);
    return served;
  }
}

/** What the API server answers where there is nothing to show. */
const SUCCESS: Status & KubeObject = {
  kind: "Status",
  apiVersion: "v1",
  metadata: {},
  status: "Success",
};

function subresourceOf(served: ServedResource, name: string): ServedSubresource {
  const found = served.subresources.find((one) => one.name === name);
  if (found) return found;
  throw new ApiError("NotFound", "the server could not find the requested resource");
}

function partOf(served: ServedResource, subresource: string | undefined): Part {
  if (subresource === undefined) return "main";
  const { name } = subresourceOf(served, subresource);
  if (name === "status" || name === "scale" || name === "finalize") return name;
  throw new ApiError(
    "MethodNotAllowed",
    "the server does not allow this method on the requested resource",
  );
}

function kindOf(served: ServedResource, part: Part): ExpectedKind {
  return part === "main" ? served : subresourceOf(served, part);
}

function withEndMark(object: KubeObject): KubeObject {
  return {
    ...object,
    metadata: { ...object.metadata, annotations: { [INITIAL_EVENTS_END]: "true" } },
  };
}
