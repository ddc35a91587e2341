/**
 * `ObjectClient` over our gRPC object service: how components in processes of their own work. One
 * connection, made anew when it breaks; who we are is our certificate.
 *
 * Reads are tried again while the server cannot be reached. Writes are not: nothing tells whether
 * a write whose answer was lost has been done.
 */
import { type Clock, delay } from "@sagong/base";
import {
  type CallOptions,
  type Channel,
  createChannel,
  type MethodDescriptor,
  RpcError,
  StatusCode,
} from "@sagong/rpc";
import { ApiError } from "../../api/api-status.js";
import type {
  KubeObject,
  ObjectKey,
  ObjectList,
  Resource,
  WatchEvent,
} from "../../api/resource.js";
import {
  CreateObjectRequest,
  CreateSubresourceRequest,
  DeleteObjectRequest,
  GetObjectRequest,
  ListObjectsRequest,
  type ObjectEvent,
  ObjectEventType,
  ObjectName,
  type ObjectResponse,
  ObjectService,
  PatchKind,
  PatchObjectRequest,
  ResourceName,
  ResourcesRequest,
  UpdateObjectRequest,
  WatchObjectsRequest,
} from "../../gen/object.js";
import { fromJsonBytes, toJsonBytes } from "../../object-service/json-bytes.js";
import { apiErrorOf } from "../../object-service/status-trailer.js";
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

export interface GrpcObjectClientOptions {
  /** `https://host:port` of an API server's object service. */
  readonly endpoint: string;
  /** PEM: the cluster's CA, and the certificate that says who we are. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
}

/** Throws `TypeError` where the endpoint is not a URL; whether it answers shows with the first call. */
export function createGrpcObjectClient(
  { endpoint, tls }: GrpcObjectClientOptions,
  { clock }: { readonly clock: Clock },
): ObjectClient {
  const channel = createChannel({ endpoint, tls, maxResponseBytes: MAX_MESSAGE_BYTES });
  return new GrpcObjectClient(channel, { endpoint, clock });
}

/** One object beyond the server's parts and batches of 1 MiB; objects are at most 3 MiB. */
const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;
/** kube-apiserver's limit of a request that is no watch. */
const REQUEST_TIMEOUT_MS = 60_000;
/** 100 + 200 + 400 + 800 ms: longer than a server needs to start anew on the same port. */
const MAX_READ_ATTEMPTS = 5;
const RETRY_FIRST_MS = 100;

const PATCH_KINDS: Readonly<Record<PatchType, number>> = {
  json: PatchKind.JSON,
  merge: PatchKind.MERGE,
  "strategic-merge": PatchKind.STRATEGIC_MERGE,
};

export class GrpcObjectClient implements ObjectClient {
  readonly #channel: Channel;
  readonly #clock: Clock;
  readonly #endpoint: string;

  constructor(channel: Channel, { endpoint, clock }: { endpoint: string; clock: Clock }) {
    this.#channel = channel;
    this.#endpoint = endpoint;
    this.#clock = clock;
  }

  async get<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    options: RequestOptions = {},
  ): Promise<T> {
    const request = GetObjectRequest.create({ resource: named(resource), key: keyed(key) });
    const call = (): Promise<ObjectResponse> =>
      this.#unary(ObjectService.methods.get, request, options);
    return objectOf(await this.#read(call, options));
  }

  list<T extends KubeObject>(
    resource: Resource<T>,
    options: ListOptions = {},
  ): Promise<ObjectList<T>> {
    const { signal: _signal, ...query } = options;
    const request = ListObjectsRequest.create({ resource: named(resource), ...given(query) });
    return this.#read(() => this.#list<T>(request, options), options);
  }

  async #list<T extends KubeObject>(
    request: ListObjectsRequest,
    options: RequestOptions,
  ): Promise<ObjectList<T>> {
    const { list } = ObjectService.methods;
    const items: T[] = [];
    let head: unknown;
    try {
      for await (const part of this.#channel.serverStream(list, request, callOptions(options))) {
        for (const item of part.items) items.push(fromJsonBytes(item, "item") as T); // Of that resource.
        if (part.head.length > 0) head = fromJsonBytes(part.head, "head");
      }
    } catch (error) {
      options.signal?.throwIfAborted();
      throw this.#refusal(error);
    }
    if (head === undefined) throw new ApiError("InternalError", "Cannot list: the list has no end");
    return { ...(head as Omit<ObjectList<T>, "items">), items }; // The service sends a list's own fields.
  }

  async *watch<T extends KubeObject>(
    resource: Resource<T>,
    options: WatchOptions = {},
  ): AsyncGenerator<WatchEvent<T>> {
    const { signal, ...query } = options;
    if (signal?.aborted) return;
    const request = WatchObjectsRequest.create({ resource: named(resource), ...given(query) });
    const { watch } = ObjectService.methods;
    let hasBegun = false;
    try {
      const batches = this.#channel.serverStream(watch, request, signal ? { signal } : {});
      for await (const { events } of batches) {
        hasBegun = true;
        for (const event of events) {
          if (signal?.aborted) return;
          yield watchEventOf<T>(event);
        }
      }
    } catch (error) {
      if (signal?.aborted) return;
      // A server that goes ends its watches, in order or not.
      if (hasBegun && isBroken(error)) return;
      throw this.#refusal(error);
    }
  }

  async create<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    options: WriteOptions = {},
  ): Promise<T> {
    const request = CreateObjectRequest.create({
      resource: named(resource),
      object: toJsonBytes(object),
      ...writeFields(options),
    });
    return objectOf(await this.#unary(ObjectService.methods.create, request, options));
  }

  async update<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    options: UpdateOptions = {},
  ): Promise<T> {
    const request = UpdateObjectRequest.create({
      resource: named(resource),
      object: toJsonBytes(object),
      subresource: options.subresource ?? "",
      ...writeFields(options),
    });
    return objectOf(await this.#unary(ObjectService.methods.update, request, options));
  }

  async patch<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    patch: unknown,
    options: PatchOptions,
  ): Promise<T> {
    const request = PatchObjectRequest.create({
      resource: named(resource),
      key: keyed(key),
      kind: PATCH_KINDS[options.type],
      patch: toJsonBytes(patch ?? null),
      subresource: options.subresource ?? "",
      ...writeFields(options),
    });
    return objectOf(await this.#unary(ObjectService.methods.patch, request, options));
  }

  async delete<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    options: DeleteOptions = {},
  ): Promise<void> {
    const request = DeleteObjectRequest.create({
      resource: named(resource),
      key: keyed(key),
      gracePeriodSeconds: options.gracePeriodSeconds,
      propagationPolicy: options.propagationPolicy ?? "",
      preconditionUid: options.preconditions?.uid ?? "",
      preconditionResourceVersion: options.preconditions?.resourceVersion ?? "",
    });
    await this.#unary(ObjectService.methods.delete, request, options);
  }

  async createSubresource<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    subresource: string,
    body: KubeObject,
    options: WriteOptions = {},
  ): Promise<KubeObject> {
    const request = CreateSubresourceRequest.create({
      resource: named(resource),
      key: keyed(key),
      subresource,
      body: toJsonBytes(body),
      ...writeFields(options),
    });
    return objectOf(await this.#unary(ObjectService.methods.createSubresource, request, options));
  }

  async resources(options: RequestOptions = {}): Promise<readonly Resource[]> {
    const request = ResourcesRequest.create();
    const { resources } = await this.#read(
      () => this.#unary(ObjectService.methods.resources, request, options),
      options,
    );
    return resources;
  }

  close(): Promise<void> {
    return this.#channel.close();
  }

  /** Again while the server is not there. Rejects with `ApiError`, or the signal's reason. */
  async #read<T>(call: () => Promise<T>, { signal }: RequestOptions): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof UnreachableError) || attempt >= MAX_READ_ATTEMPTS) throw error;
      }
      await delay(this.#clock, RETRY_FIRST_MS * 2 ** (attempt - 1), signal);
    }
  }

  /** Once. Rejects with `ApiError`, or the signal's reason. */
  async #unary<Request, Answer>(
    method: MethodDescriptor<Request, Answer, "unary">,
    request: Request,
    options: RequestOptions,
  ): Promise<Answer> {
    try {
      return await this.#channel.unary(method, request, callOptions(options));
    } catch (error) {
      options.signal?.throwIfAborted();
      throw this.#refusal(error);
    }
  }

  /** The server's own refusal, or what the way to it amounts to in Kubernetes' words. */
  #refusal(error: unknown): unknown {
    if (!(error instanceof RpcError)) return error;
    const refused = apiErrorOf(error);
    if (refused) return refused;
    const where = `the API server at ${this.#endpoint}`;
    switch (error.code) {
      case StatusCode.unavailable:
        return new UnreachableError(`Cannot reach ${where}: ${error.message}`);
      case StatusCode.deadlineExceeded:
        return new ApiError("Timeout", `Cannot wait any longer for ${where}: ${error.message}`);
      case StatusCode.resourceExhausted:
        return new ApiError("RequestEntityTooLarge", `Cannot ask ${where}: ${error.message}`);
      case StatusCode.unimplemented:
        return new ApiError("NotImplemented", `Cannot ask ${where}: ${error.message}`);
      default:
        return new ApiError("InternalError", `Cannot ask ${where}: ${error.message}`);
    }
  }
}

/** The server was not there, or went away: no answer of its own. */
class UnreachableError extends ApiError {
  constructor(message: string) {
    super("ServiceUnavailable", message);
  }
}

const BROKEN_CODES: readonly StatusCode[] = [
  StatusCode.unavailable,
  StatusCode.cancelled,
  StatusCode.internal, // What grpc-js makes of a stream that was reset.
];

/** A stream that ended without the server's word: it closes, or the connection is lost. */
function isBroken(error: unknown): boolean {
  return (
    error instanceof RpcError &&
    BROKEN_CODES.includes(error.code) &&
    apiErrorOf(error) === undefined
  );
}

function callOptions({ signal }: RequestOptions): CallOptions {
  return signal ? { signal, timeoutMs: REQUEST_TIMEOUT_MS } : { timeoutMs: REQUEST_TIMEOUT_MS };
}

function named({ group, version, resource, kind, namespaced }: Resource): ResourceName {
  return ResourceName.create({ group, version, resource, kind, namespaced });
}

function keyed({ namespace, name }: ObjectKey): ObjectName {
  return ObjectName.create({ namespace: namespace ?? "", name });
}

/** Without the fields that are undefined, which a message's own defaults stand for. */
function given<T extends object>(query: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  const entries = Object.entries(query).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Name in keyof T]?: Exclude<T[Name], undefined> }; // Those of T that are left.
}

function writeFields({ fieldManager, dryRun }: WriteOptions): {
  readonly fieldManager: string;
  readonly dryRun: boolean;
} {
  return { fieldManager: fieldManager ?? "", dryRun: dryRun ?? false };
}

function objectOf<T extends KubeObject>({ object }: ObjectResponse): T {
  return fromJsonBytes(object, "object") as T; // The server answers with an object of the resource.
}

function watchEventOf<T extends KubeObject>({ type, object }: ObjectEvent): WatchEvent<T> {
  for (const name of ["ADDED", "MODIFIED", "DELETED", "BOOKMARK"] as const) {
    if (ObjectEventType[name] === type)
      return { type: name, object: fromJsonBytes(object, "event") as T }; // As above.
  }
  throw new ApiError("InternalError", `Cannot read an event: its type is ${type}, expected 1 to 4`);
}
