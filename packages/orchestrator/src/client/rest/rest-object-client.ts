/**
 * `ObjectClient` over Kubernetes REST: how our tools and components work with any API server, ours
 * or the original. Answers are taken as the server sends them.
 */
import { ApiError } from "../../api/api-status.js";
import type { Status } from "../../api/gen/meta-v1.js";
import {
  apiVersionOf,
  type KubeObject,
  type ObjectKey,
  type ObjectList,
  type Resource,
  type WatchEvent,
} from "../../api/resource.js";
import type {
  DeleteOptions,
  ListOptions,
  ObjectClient,
  PatchOptions,
  PatchType,
  RequestOptions,
  UpdateOptions,
  WatchOptions,
  WriteOptions,
} from "../object-client.js";
import { jsonLines } from "./json-lines.js";
import type { RestConnection } from "./rest-connection.js";
import { queryText, resourcePath } from "./rest-path.js";

const PATCH_MEDIA_TYPES: Readonly<Record<PatchType, string>> = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  "strategic-merge": "application/strategic-merge-patch+json",
};

export class RestObjectClient implements ObjectClient {
  readonly #connection: RestConnection;

  constructor(connection: RestConnection) {
    this.#connection = connection;
  }

  async get<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    options: RequestOptions = {},
  ): Promise<T> {
    const path = resourcePath(resource, key);
    return this.#object({ method: "GET", path, signal: options.signal });
  }

  async list<T extends KubeObject>(
    resource: Resource<T>,
    options: ListOptions = {},
  ): Promise<ObjectList<T>> {
    const { signal, namespace, ...query } = options;
    const path = `${resourcePath(resource, { namespace })}${queryText(query)}`;
    // The server answers a list path with the list kind of its resource.
    return (await this.#connection.json({ method: "GET", path, signal })) as ObjectList<T>;
  }

  async *watch<T extends KubeObject>(
    resource: Resource<T>,
    options: WatchOptions = {},
  ): AsyncGenerator<WatchEvent<T>> {
    const { signal, namespace, ...rest } = options;
    const query = queryText({
      ...rest,
      watch: true,
      ...(rest.sendInitialEvents === undefined ? {} : { resourceVersionMatch: "NotOlderThan" }),
    });
    const path = `${resourcePath(resource, { namespace })}${query}`;
    try {
      const body = await this.#connection.stream({ method: "GET", path, signal });
      for await (const line of jsonLines(body)) {
        if (signal?.aborted) return;
        // What a watch sends: meta/v1 WatchEvent.
        const event = line as WatchEvent<T> | { type: "ERROR"; object: Status };
        if (event.type === "ERROR") throw ApiError.fromStatus(event.object);
        yield event;
      }
    } catch (error) {
      if (!signal?.aborted) throw error;
    }
  }

  async create<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    options: WriteOptions = {},
  ): Promise<T> {
    const { namespace } = object.metadata;
    const path = `${resourcePath(resource, { namespace })}${writeQuery(options)}`;
    return this.#object({
      method: "POST",
      path,
      body: typed(resource, object),
      signal: options.signal,
    });
  }

  async update<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    options: UpdateOptions = {},
  ): Promise<T> {
    const { namespace, name = "" } = object.metadata;
    const place = { namespace, name, subresource: options.subresource };
    const path = `${resourcePath(resource, place)}${writeQuery(options)}`;
    return this.#object({
      method: "PUT",
      path,
      body: typed(resource, object),
      signal: options.signal,
    });
  }

  async patch<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    patch: unknown,
    options: PatchOptions,
  ): Promise<T> {
    const place = { ...key, subresource: options.subresource };
    return this.#object({
      method: "PATCH",
      path: `${resourcePath(resource, place)}${writeQuery(options)}`,
      body: patch,
      contentType: PATCH_MEDIA_TYPES[options.type],
      signal: options.signal,
    });
  }

  async delete<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    options: DeleteOptions = {},
  ): Promise<void> {
    const { signal, ...body } = options;
    await this.#connection.json({
      method: "DELETE",
      path: resourcePath(resource, key),
      body: { kind: "DeleteOptions", apiVersion: "v1", ...body },
      signal,
    });
  }

  async createSubresource<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    subresource: string,
    body: KubeObject,
    options: WriteOptions = {},
  ): Promise<KubeObject> {
    const path = `${resourcePath(resource, { ...key, subresource })}${writeQuery(options)}`;
    return this.#object({ method: "POST", path, body, signal: options.signal });
  }

  async resources(options: RequestOptions = {}): Promise<readonly Resource[]> {
    const { signal } = options;
    const groups = (await this.#connection.json({ method: "GET", path: "/apis", signal })) as {
      // meta/v1 APIGroupList.
      groups?: readonly { preferredVersion: { groupVersion: string } }[];
    };
    const versions = [
      "v1",
      ...(groups.groups ?? []).map((group) => group.preferredVersion.groupVersion),
    ];
    const lists = await Promise.all(versions.map((version) => this.#resourceList(version, signal)));
    return lists.flat();
  }

  close(): Promise<void> {
    this.#connection.close();
    return Promise.resolve();
  }

  async #resourceList(groupVersion: string, signal: AbortSignal | undefined): Promise<Resource[]> {
    const path = groupVersion === "v1" ? "/api/v1" : `/apis/${groupVersion}`;
    const list = (await this.#connection.json({ method: "GET", path, signal })) as {
      // meta/v1 APIResourceList.
      resources?: readonly { name: string; kind: string; namespaced: boolean; verbs: string[] }[];
    };
    const [group = "", version = ""] = groupVersion.includes("/")
      ? groupVersion.split("/")
      : ["", groupVersion];
    return (list.resources ?? [])
      .filter(
        ({ name, verbs }) => !name.includes("/") && WALKED.every((verb) => verbs.includes(verb)),
      )
      .map(({ name, kind, namespaced }) => ({ group, version, resource: name, kind, namespaced }));
  }

  async #object<T>(request: Parameters<RestConnection["json"]>[0]): Promise<T> {
    // The server answers an object path with an object of its resource's kind.
    return (await this.#connection.json(request)) as T;
  }
}

/** What a resource must allow so that namespace deletion and garbage collection can walk it. */
const WALKED = ["list", "watch", "delete"];

function writeQuery(options: WriteOptions): string {
  return queryText({
    fieldManager: options.fieldManager,
    dryRun: options.dryRun ? "All" : undefined,
  });
}

/** Typed handles know what objects are: bodies need not repeat it. */
function typed(resource: Resource, object: KubeObject): KubeObject {
  return {
    ...object,
    apiVersion: object.apiVersion ?? apiVersionOf(resource),
    kind: object.kind ?? resource.kind,
  };
}
