/** Storage on an etcd v3 store, ours or the original: the only file that knows its client. */
import { encodeUtf8, decodeUtf8, errorText, prefixEnd } from "@sagong/base";
import {
  Compare,
  CompareResult,
  CompareTarget,
  CompactedError,
  type Event,
  EventType,
  type KeyValue,
  type RequestOp,
  type StoreClient,
  type WatchBatch,
  DeleteRangeRequest,
  PutRequest,
} from "@sagong/kv/client";
import { RpcError, StatusCode } from "@sagong/rpc";
import { ApiError, expired } from "../api/api-status.js";
import type { KubeObject } from "../api/resource.js";
import { ObjectCodec } from "./object-codec.js";
import type {
  ListRequest,
  Storage,
  StorageBatch,
  StorageEvent,
  StorageWatch,
  Stored,
  StoredList,
} from "./storage.js";

/** Kubernetes' own root in the store. */
const ROOT = "/registry";
/** Keys read at once where no limit is asked for: memory stays bounded. */
const PAGE_KEYS = 10_000;

export class KvStorage implements Storage {
  readonly #client: StoreClient;
  readonly #codec = new ObjectCodec();

  constructor(client: StoreClient) {
    this.#client = client;
  }

  async get(key: string): Promise<Stored | undefined> {
    const { kvs } = await guarded(this.#client.range({ key: bytesOf(key) }));
    return kvs[0] && this.#stored(kvs[0]);
  }

  async list(prefix: string, request: ListRequest = {}): Promise<StoredList> {
    const start = bytesOf(prefix);
    const rangeEnd = prefixEnd(start);
    const items: Stored[] = [];
    let key = request.after === undefined ? start : bytesOf(`${request.after}\0`);
    let version = request.version ?? 0;
    for (;;) {
      const limit = request.limit ? request.limit - items.length : PAGE_KEYS;
      const page = await guarded(this.#client.range({ key, rangeEnd, limit, revision: version }));
      version ||= page.header?.revision ?? 0;
      for (const kv of page.kvs) items.push(this.#stored(kv));
      const last = page.kvs.at(-1);
      const full = request.limit !== undefined && items.length >= request.limit;
      if (!page.more || !last || full) {
        return {
          items,
          version,
          more: page.more,
          remaining: Math.max(0, page.count - page.kvs.length),
        };
      }
      key = Uint8Array.of(...last.key, 0);
    }
  }

  async create(key: string, object: KubeObject, ttlSeconds?: number): Promise<number | undefined> {
    const lease =
      ttlSeconds === undefined
        ? 0n
        : (await guarded(this.#client.leaseGrant({ ttl: ttlSeconds }))).id;
    return this.#transact(key, 0, putOp(key, this.#codec.encode(object), lease));
  }

  async update(key: string, object: KubeObject, expected: number): Promise<number | undefined> {
    return this.#transact(key, expected, putOp(key, this.#codec.encode(object), undefined));
  }

  async delete(key: string, expected: number): Promise<number | undefined> {
    const value = DeleteRangeRequest.create({ key: bytesOf(key) });
    return this.#transact(key, expected, { request: { kind: "requestDeleteRange", value } });
  }

  watch(prefix: string, version: number, signal: AbortSignal): StorageWatch {
    const key = bytesOf(prefix);
    const watch = this.#client.watch({
      key,
      rangeEnd: prefixEnd(key),
      startRevision: version + 1,
      progressNotify: true,
      signal,
    });
    const batches = this.#batches(watch);
    return {
      [Symbol.asyncIterator]: () => batches,
      requestProgress: () => watch.requestProgress(),
    };
  }

  async *#batches(watch: AsyncIterable<WatchBatch>): AsyncGenerator<StorageBatch> {
    try {
      for await (const { revision, events } of watch) {
        yield { version: revision, events: events.map((event) => this.#event(event)) };
      }
    } catch (error) {
      throw apiError(error);
    }
  }

  async #transact(key: string, expected: number, op: RequestOp): Promise<number | undefined> {
    const compare = Compare.create({
      key: bytesOf(key),
      target: CompareTarget.MOD,
      result: CompareResult.EQUAL,
      targetUnion: { kind: "modRevision", value: expected },
    });
    const response = await guarded(this.#client.txn({ compare: [compare], success: [op] }));
    return response.succeeded ? response.header?.revision : undefined;
  }

  #event({ type, kv }: Event): StorageEvent {
    if (!kv) throw new ApiError("InternalError", "the store sent an event without a key");
    const key = decodeUtf8(kv.key).slice(ROOT.length);
    if (type === EventType.DELETE) return { type: "delete", key, version: kv.modRevision };
    return { type: "put", key, ...this.#stored(kv) };
  }

  #stored(kv: KeyValue): Stored {
    return { object: this.#codec.decode(kv.value, decodeUtf8(kv.key)), version: kv.modRevision };
  }
}

/** An update keeps the lease that an Event was created with. */
function putOp(key: string, value: Uint8Array, lease: bigint | undefined): RequestOp {
  const put = PutRequest.create({
    key: bytesOf(key),
    value,
    ...(lease === undefined ? { ignoreLease: true } : { lease }),
  });
  return { request: { kind: "requestPut", value: put } };
}

function bytesOf(key: string): Uint8Array {
  return encodeUtf8(`${ROOT}${key}`);
}

async function guarded<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw apiError(error);
  }
}

/** The store's refusals in Kubernetes' words. */
function apiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof CompactedError || errorText(error).includes("has been compacted")) {
    return expired("The resourceVersion for the provided list is too old.");
  }
  if (error instanceof RpcError) {
    switch (error.code) {
      case StatusCode.deadlineExceeded:
        return new ApiError("Timeout", `etcdserver: request timed out: ${error.message}`);
      case StatusCode.unavailable:
        return new ApiError("ServiceUnavailable", `the store is not available: ${error.message}`);
      case StatusCode.invalidArgument:
        if (error.message.includes("too large"))
          return new ApiError("RequestEntityTooLarge", error.message);
        return new ApiError("InternalError", error.message);
      case StatusCode.outOfRange:
        return new ApiError("Timeout", `Too large resource version: ${error.message}`);
      default:
        return new ApiError("InternalError", error.message);
    }
  }
  return new ApiError("InternalError", errorText(error));
}
