/** `ObjectClient` straight onto the registry: for components in the API server's own process. */
import { ApiError, notFound } from "../api/api-status.js";
import { jsonPatch } from "../api/patch/json-patch.js";
import { mergePatch } from "../api/patch/merge-patch.js";
import { strategicMergePatch } from "../api/patch/strategic-merge-patch.js";
import type { KubeObject, ObjectKey, ObjectList, Resource, WatchEvent } from "../api/resource.js";
import type { Schema } from "../api/schema/schema.js";
import type { ServedResource } from "../api/schema/served.js";
import type { Registry } from "../registry/registry.js";
import { bindPod, withFinalizers } from "../registry/subresources.js";
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

export interface InProcessDependencies {
  readonly registry: Registry;
  readonly schema: Schema;
  readonly nowMs: () => number;
}

export class InProcessClient implements ObjectClient {
  readonly #dependencies: InProcessDependencies;

  constructor(dependencies: InProcessDependencies) {
    this.#dependencies = dependencies;
  }

  async get<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    _options?: RequestOptions,
  ): Promise<T> {
    return (await this.#registry.get(this.#served(resource), key)) as T; // Objects of that resource.
  }

  async list<T extends KubeObject>(
    resource: Resource<T>,
    options: ListOptions = {},
  ): Promise<ObjectList<T>> {
    return (await this.#registry.list(this.#served(resource), options)) as ObjectList<T>; // As above.
  }

  async *watch<T extends KubeObject>(
    resource: Resource<T>,
    options: WatchOptions = {},
  ): AsyncGenerator<WatchEvent<T>> {
    const abort = new AbortController();
    const stop = (): void => abort.abort(new Error("the watch ended"));
    if (options.signal?.aborted) return;
    options.signal?.addEventListener("abort", stop);
    const { signal: _signal, ...query } = options;
    const events = this.#registry.watch(this.#served(resource), {
      ...query,
      ...(options.sendInitialEvents
        ? { resourceVersionMatch: "NotOlderThan", allowWatchBookmarks: true }
        : {}),
      signal: abort.signal,
    });
    try {
      for await (const { type, object, initialEnd } of events) {
        const marked = initialEnd ? withEndMark(object) : object;
        yield { type, object: marked as T }; // As above.
      }
    } finally {
      options.signal?.removeEventListener("abort", stop);
      stop();
    }
  }

  async create<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    options: WriteOptions = {},
  ): Promise<T> {
    return (await this.#registry.create(this.#served(resource), object, {
      dryRun: options.dryRun,
    })) as T; // As above.
  }

  async update<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    options: UpdateOptions = {},
  ): Promise<T> {
    const { subresource, dryRun } = options;
    const served = this.#served(resource);
    if (subresource === "finalize") {
      const key = { namespace: object.metadata.namespace, name: object.metadata.name ?? "" };
      return (await this.#registry.change(served, key, (before) => withFinalizers(before, object), {
        subresource,
      })) as T; // As above.
    }
    return (await this.#registry.update(served, object, { subresource, dryRun })) as T; // As above.
  }

  async patch<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    patch: unknown,
    options: PatchOptions,
  ): Promise<T> {
    const served = this.#served(resource);
    const change = (before: KubeObject): KubeObject => {
      const bare = { ...before, metadata: { ...before.metadata, resourceVersion: undefined } };
      return this.#applyPatch(served, { document: bare, patch, type: options.type });
    };
    const { subresource, dryRun } = options;
    return (await this.#registry.change(served, key, change, { subresource, dryRun })) as T; // As above.
  }

  async delete<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    options: DeleteOptions = {},
  ): Promise<void> {
    const { gracePeriodSeconds, propagationPolicy, preconditions } = options;
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
  ): Promise<KubeObject> {
    const served = this.#served(resource);
    if (subresource === "eviction") return this.#registry.delete(served, key);
    if (subresource !== "binding") {
      throw new ApiError(
        "NotImplemented",
        `${resource.resource}/${subresource} is not implemented yet`,
      );
    }
    const nowText = `${new Date(this.#dependencies.nowMs()).toISOString().slice(0, 19)}Z`;
    await bindPod(this.#registry, served, { key, body, nowText });
    return body;
  }

  resources(): Promise<readonly Resource[]> {
    return Promise.resolve(
      this.#registry.resources.filter(
        ({ verbs }) => verbs.includes("watch") && verbs.includes("delete"),
      ),
    );
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  get #registry(): Registry {
    return this.#dependencies.registry;
  }

  #applyPatch(
    resource: ServedResource,
    {
      document,
      patch,
      type,
    }: {
      readonly document: KubeObject;
      readonly patch: unknown;
      readonly type: PatchOptions["type"];
    },
  ): KubeObject {
    switch (type) {
      case "json":
        return jsonPatch(document, patch) as KubeObject; // A patched object is checked by the registry.
      case "merge":
        return mergePatch(document, patch) as KubeObject; // As above.
      case "strategic-merge": {
        const typeName = this.#dependencies.schema.typeNameOf(resource) ?? "";
        return strategicMergePatch(this.#dependencies.schema, typeName, {
          document,
          patch,
        }) as KubeObject; // As above.
      }
    }
  }

  #served(resource: Resource): ServedResource {
    const served = this.#registry.find(resource.group, resource.version, resource.resource);
    if (!served) throw notFound(resource, resource.resource);
    return served;
  }
}

function withEndMark(object: KubeObject): KubeObject {
  return {
    ...object,
    metadata: { ...object.metadata, annotations: { [INITIAL_EVENTS_END]: "true" } },
  };
}
