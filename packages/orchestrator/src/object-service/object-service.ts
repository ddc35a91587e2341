/**
 * The object gRPC service: `ObjectClient` on the wire, for our own components in processes of
 * their own. It owns who may ask, how many at once, and the form on the wire; what the verbs do is
 * the back end's.
 *
 * Every call acts for the subject of the connection's client certificate, and for nobody else.
 */
import { errorText, type Logger } from "@sagong/base";
import { implement, type RpcError, type ServerCall, type ServiceImplementation } from "@sagong/rpc";
import { ApiError, badRequest, isApiError, qualifiedResource } from "../api/api-status.js";
import { isTree } from "../api/patch/json-tree.js";
import type { KubeObject, ObjectKey, Resource } from "../api/resource.js";
import { type User, userOfIdentity } from "../authentication/client-certificate.js";
import type { ObjectClient, PatchType } from "../client/object-client.js";
import {
  type CreateObjectRequest,
  type CreateSubresourceRequest,
  type DeleteObjectRequest,
  DeleteObjectResponse,
  type GetObjectRequest,
  type ListObjectsPart,
  type ListObjectsRequest,
  type ObjectName,
  ObjectResponse,
  ObjectService,
  PatchKind,
  type PatchObjectRequest,
  ResourceName,
  ResourcesResponse,
  type UpdateObjectRequest,
  type WatchObjectsBatch,
  type WatchObjectsRequest,
} from "../gen/object.js";
import { fromJsonBytes, toJsonBytes } from "./json-bytes.js";
import { listParts } from "./list-parts.js";
import { toRpcError } from "./status-trailer.js";
import { WatchBatches } from "./watch-batches.js";

/** What a caller wants to do, in the words of Kubernetes' request attributes. */
export interface AskedAccess {
  readonly verb: "get" | "list" | "watch" | "create" | "update" | "patch" | "delete";
  readonly resource: Resource;
  readonly subresource?: string | undefined;
  /** Left out: cluster-scoped, or all namespaces. */
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}

export interface ObjectServiceOptions {
  /** Acts for this user. */
  readonly clientFor: (user: User) => ObjectClient;
  readonly mayDo: (user: User, asked: AskedAccess) => boolean;
}

/** Largest request: an object as large as REST takes it, and its names. */
export const MAX_OBJECT_REQUEST_BYTES: number = 4 * 1024 * 1024;

/** As many as the REST side answers at once; watches are long and counted by themselves. */
const MAX_CALLS_IN_FLIGHT = 400;
const MAX_WATCHES = 10_000;
const RETRY_AFTER_SECONDS = 1;

export function createObjectService(
  options: ObjectServiceOptions,
  dependencies: { readonly logger: Logger },
): ServiceImplementation {
  const server = new ObjectServer(options, dependencies.logger);
  return implement(ObjectService, {
    get: (request, call) => server.unary(call, (user) => server.get(request, user)),
    list: (request, call) => server.list(request, call),
    watch: (request, call) => server.watch(request, call),
    create: (request, call) => server.unary(call, (user) => server.create(request, user)),
    update: (request, call) => server.unary(call, (user) => server.update(request, user)),
    patch: (request, call) => server.unary(call, (user) => server.patch(request, user)),
    delete: (request, call) => server.unary(call, (user) => server.delete(request, user)),
    createSubresource: (request, call) =>
      server.unary(call, (user) => server.createSubresource(request, user)),
    resources: (_request, call) => server.unary(call, (user) => server.resources(user)),
  });
}

class ObjectServer {
  readonly #options: ObjectServiceOptions;
  readonly #logger: Logger;
  #calls = 0;
  #watches = 0;

  constructor(options: ObjectServiceOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
  }

  // ── Around every call ────────────────────────────────────────────────────────────────────────

  /** Rejects with `RpcError`s only. */
  async unary<T>(call: ServerCall, answer: (user: User) => Promise<T>): Promise<T> {
    try {
      const user = userOfCall(call);
      this.#enter();
      try {
        return await answer(user);
      } finally {
        this.#calls--;
      }
    } catch (error) {
      throw this.#refusal(error);
    }
  }

  #enter(): void {
    if (this.#calls >= MAX_CALLS_IN_FLIGHT) throw tooMany();
    this.#calls++;
  }

  #refusal(error: unknown): RpcError {
    if (isApiError(error)) return toRpcError(error);
    this.#logger.error("object call failed unexpectedly", {
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
    return toRpcError(
      new ApiError("InternalError", `Internal error occurred: ${errorText(error)}`),
    );
  }

  /** The back end for this caller; throws `ApiError` Forbidden. */
  #client(user: User, asked: AskedAccess): ObjectClient {
    if (this.#options.mayDo(user, asked)) return this.#options.clientFor(user);
    throw forbidden(user, asked);
  }

  // ── Reads ────────────────────────────────────────────────────────────────────────────────────

  async get(request: GetObjectRequest, user: User): Promise<ObjectResponse> {
    const resource = resourceOf(request.resource);
    const key = keyOf(request.key);
    const client = this.#client(user, { verb: "get", resource, ...key });
    return answerOf(await client.get(resource, key));
  }

  async *list(request: ListObjectsRequest, call: ServerCall): AsyncGenerator<ListObjectsPart> {
    // Read as one, then sent as fast as the client takes it.
    const list = await this.unary(call, (user) => {
      const resource = resourceOf(request.resource);
      const { namespace } = request;
      return this.#client(user, { verb: "list", resource, namespace }).list(resource, {
        namespace,
        labelSelector: request.labelSelector || undefined,
        fieldSelector: request.fieldSelector || undefined,
        resourceVersion: request.resourceVersion || undefined,
        limit: request.limit || undefined,
        continue: request.continue || undefined,
      });
    });
    yield* listParts(list);
  }

  watch(request: WatchObjectsRequest, call: ServerCall): AsyncIterable<WatchObjectsBatch> {
    try {
      const user = userOfCall(call);
      const resource = resourceOf(request.resource);
      const { namespace } = request;
      const client = this.#client(user, { verb: "watch", resource, namespace });
      if (this.#watches >= MAX_WATCHES) throw tooMany();
      this.#watches++;
      const query = {
        namespace,
        labelSelector: request.labelSelector || undefined,
        fieldSelector: request.fieldSelector || undefined,
        resourceVersion: request.resourceVersion || undefined,
        sendInitialEvents: request.sendInitialEvents,
        allowWatchBookmarks: request.allowWatchBookmarks,
        timeoutSeconds: request.timeoutSeconds || undefined,
      };
      return new WatchBatches((signal) => client.watch(resource, { ...query, signal }), {
        signal: call.signal,
        onEnd: () => this.#watches--,
        refusal: (error) => this.#refusal(error),
      });
    } catch (error) {
      throw this.#refusal(error);
    }
  }

  async resources(user: User): Promise<ResourcesResponse> {
    const resources = await this.#options.clientFor(user).resources();
    return ResourcesResponse.create({
      resources: resources.map((resource) => ResourceName.create(resource)),
    });
  }

  // ── Writes ───────────────────────────────────────────────────────────────────────────────────

  async create(request: CreateObjectRequest, user: User): Promise<ObjectResponse> {
    const resource = resourceOf(request.resource);
    const object = objectOf(request.object, "object");
    const { namespace } = object.metadata;
    const client = this.#client(user, { verb: "create", resource, namespace });
    return answerOf(await client.create(resource, object, writeOptions(request)));
  }

  async update(request: UpdateObjectRequest, user: User): Promise<ObjectResponse> {
    const resource = resourceOf(request.resource);
    const object = objectOf(request.object, "object");
    const { namespace, name } = object.metadata;
    const subresource = request.subresource || undefined;
    const client = this.#client(user, { verb: "update", resource, subresource, namespace, name });
    const options = { ...writeOptions(request), subresource };
    return answerOf(await client.update(resource, object, options));
  }

  async patch(request: PatchObjectRequest, user: User): Promise<ObjectResponse> {
    const resource = resourceOf(request.resource);
    const key = keyOf(request.key);
    const subresource = request.subresource || undefined;
    const client = this.#client(user, { verb: "patch", resource, subresource, ...key });
    const patch = fromJsonBytes(request.patch, "patch");
    const options = { ...writeOptions(request), subresource, type: patchTypeOf(request.kind) };
    return answerOf(await client.patch(resource, key, patch, options));
  }

  async delete(request: DeleteObjectRequest, user: User): Promise<DeleteObjectResponse> {
    const resource = resourceOf(request.resource);
    const key = keyOf(request.key);
    const client = this.#client(user, { verb: "delete", resource, ...key });
    await client.delete(resource, key, {
      gracePeriodSeconds: request.gracePeriodSeconds,
      propagationPolicy: propagationOf(request.propagationPolicy),
      preconditions: {
        uid: request.preconditionUid || undefined,
        resourceVersion: request.preconditionResourceVersion || undefined,
      },
    });
    return DeleteObjectResponse.create();
  }

  async createSubresource(request: CreateSubresourceRequest, user: User): Promise<ObjectResponse> {
    const resource = resourceOf(request.resource);
    const key = keyOf(request.key);
    const { subresource } = request;
    const client = this.#client(user, { verb: "create", resource, subresource, ...key });
    const body = objectOf(request.body, "body");
    const options = writeOptions(request);
    return answerOf(await client.createSubresource(resource, key, subresource, body, options));
  }
}

// ── Requests as the back end wants them ──────────────────────────────────────────────────────────

function userOfCall({ peerIdentity }: ServerCall): User {
  const user = peerIdentity && userOfIdentity(peerIdentity);
  if (!user) throw new ApiError("Unauthorized", "Unauthorized");
  return user;
}

function resourceOf(name: ResourceName | undefined): Resource {
  if (!name) throw badRequest("resource: Required value");
  return name;
}

function keyOf(key: ObjectName | undefined): ObjectKey {
  if (!key?.name) throw badRequest("key.name: Required value");
  return { namespace: key.namespace || undefined, name: key.name };
}

/** An object with metadata; its other fields are held against its type by the back end. */
function objectOf(bytes: Uint8Array, field: string): KubeObject {
  const tree = fromJsonBytes(bytes, field);
  if (!isTree(tree)) throw badRequest(`${field}: Invalid value: expected an object`);
  const { metadata = {} } = tree;
  if (!isTree(metadata)) throw badRequest(`${field}.metadata: Invalid value: expected an object`);
  for (const name of ["name", "namespace"]) {
    const value = metadata[name];
    if (value !== undefined && typeof value !== "string")
      throw badRequest(`${field}.metadata.${name}: Invalid value: expected a string`);
  }
  return { ...tree, metadata } as KubeObject; // What the checks above establish.
}

function writeOptions(request: { readonly fieldManager: string; readonly dryRun: boolean }): {
  readonly fieldManager: string | undefined;
  readonly dryRun: boolean;
} {
  return { fieldManager: request.fieldManager || undefined, dryRun: request.dryRun };
}

function patchTypeOf(kind: number): PatchType {
  switch (kind) {
    case PatchKind.JSON:
      return "json";
    case PatchKind.MERGE:
      return "merge";
    case PatchKind.STRATEGIC_MERGE:
      return "strategic-merge";
    default:
      throw badRequest(
        `kind: Invalid value: ${kind}: expected 1 (JSON), 2 (merge) or 3 (strategic)`,
      );
  }
}

function propagationOf(text: string): "Background" | "Foreground" | "Orphan" | undefined {
  if (text === "") return undefined;
  if (text === "Background" || text === "Foreground" || text === "Orphan") return text;
  throw badRequest(
    `propagation_policy: Invalid value: "${text}": expected Background, Foreground or Orphan`,
  );
}

function answerOf(object: KubeObject): ObjectResponse {
  return ObjectResponse.create({ object: toJsonBytes(object) });
}

// ── Refusals ─────────────────────────────────────────────────────────────────────────────────────

function tooMany(): ApiError {
  return new ApiError("TooManyRequests", "Too many requests, please try again later.", {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
}

/** In the words of kube-apiserver's authorizer. */
function forbidden(user: User, asked: AskedAccess): ApiError {
  const { verb, resource, subresource, namespace, name } = asked;
  const part = subresource ? `/${subresource}` : "";
  const what = `${qualifiedResource(resource)}${name === undefined ? "" : ` "${name}"`}`;
  const where = namespace ? `in the namespace "${namespace}"` : "at the cluster scope";
  return new ApiError(
    "Forbidden",
    `${what} is forbidden: User "${user.name}" cannot ${verb} resource "${resource.resource}${part}" in API group "${resource.group}" ${where}`,
    { name, group: resource.group, kind: resource.resource },
  );
}
