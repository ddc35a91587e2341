/** The one implementation of `StoreClient`, over channels of @sagong/rpc. */
import { type Clock, delay } from "@sagong/base";
import {
  type Channel,
  createChannel,
  type MethodDescriptor,
  RpcError,
  StatusCode,
  type Transport,
} from "@sagong/rpc";
import {
  AlarmAction,
  AlarmRequest,
  ClusterService,
  CompactionRequest,
  DeleteRangeRequest,
  HashKVRequest,
  KvService,
  LeaseGrantRequest,
  LeaseKeepAliveRequest,
  type LeaseKeepAliveResponse,
  LeaseLeasesRequest,
  LeaseRevokeRequest,
  LeaseService,
  LeaseTimeToLiveRequest,
  MaintenanceService,
  MemberListRequest,
  PutRequest,
  RangeRequest,
  StatusRequest,
  TxnRequest,
  WatchCreateRequest,
  WatchProgressRequest,
  type WatchResponse,
  WatchService,
} from "../gen/rpc.js";
import { Endpoints, type Repeatable } from "./endpoints.js";
import {
  type ClientCallOptions,
  CompactedError,
  type StoreClient,
  type StoreWatch,
  type WatchBatch,
  type WatchSpec,
} from "./store-client.js";

export interface StoreClientOptions {
  /** `http://host:port`, …; one of these and `channels` must be given. */
  readonly endpoints?: readonly string[];
  /** Channels of one's own, as in one process. */
  readonly channels?: readonly Channel[];
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** What carries the channels made for `endpoints`; the default where left out. */
  readonly transport?: Transport | undefined;
}

const WATCH_RETRY_MS = 100;
/** Renewals in the life of a lease (clientv3's). */
const RENEWALS_PER_TTL = 3;

export function createStoreClient(
  options: StoreClientOptions,
  { clock }: { readonly clock: Clock },
): StoreClient {
  const { endpoints = [], channels, tls, transport } = options;
  const made =
    channels ??
    endpoints.map((endpoint) => createChannel({ endpoint, transport, ...(tls ? { tls } : {}) }));
  return new Client(new Endpoints(made, { clock }), clock);
}

class Client implements StoreClient {
  readonly #endpoints: Endpoints;
  readonly #clock: Clock;

  constructor(endpoints: Endpoints, clock: Clock) {
    this.#endpoints = endpoints;
    this.#clock = clock;
  }

  range: StoreClient["range"] = (request, options) =>
    this.#call(KvService.methods.range, RangeRequest.create(request), {
      repeat: "always",
      ...options,
    });

  put: StoreClient["put"] = (request, options) =>
    this.#call(KvService.methods.put, PutRequest.create(request), {
      repeat: "not-sent",
      ...options,
    });

  deleteRange: StoreClient["deleteRange"] = (request, options) =>
    this.#call(KvService.methods.deleteRange, DeleteRangeRequest.create(request), {
      repeat: "not-sent",
      ...options,
    });

  txn: StoreClient["txn"] = (request, options) =>
    this.#call(KvService.methods.txn, TxnRequest.create(request), {
      repeat: "not-sent",
      ...options,
    });

  compact: StoreClient["compact"] = (request, options) =>
    this.#call(KvService.methods.compact, CompactionRequest.create(request), {
      repeat: "not-sent",
      ...options,
    });

  leaseGrant: StoreClient["leaseGrant"] = (request, options) =>
    this.#call(LeaseService.methods.leaseGrant, LeaseGrantRequest.create(request), {
      repeat: "not-sent",
      ...options,
    });

  leaseRevoke: StoreClient["leaseRevoke"] = (id, options) =>
    this.#call(LeaseService.methods.leaseRevoke, LeaseRevokeRequest.create({ id }), {
      repeat: "not-sent",
      ...options,
    });

  leaseTimeToLive: StoreClient["leaseTimeToLive"] = (request, options) =>
    this.#call(LeaseService.methods.leaseTimeToLive, LeaseTimeToLiveRequest.create(request), {
      repeat: "always",
      ...options,
    });

  leaseLeases: StoreClient["leaseLeases"] = (options) =>
    this.#call(LeaseService.methods.leaseLeases, LeaseLeasesRequest.create(), {
      repeat: "always",
      ...options,
    });

  leaseKeepAliveOnce: StoreClient["leaseKeepAliveOnce"] = (id, options = {}) =>
    this.#endpoints.call("always", options, (channel, timeoutMs) =>
      this.#renew(channel, id, { timeoutMs, signal: options.signal }),
    );

  memberList: StoreClient["memberList"] = (options) =>
    this.#call(
      ClusterService.methods.memberList,
      MemberListRequest.create({ linearizable: true }),
      {
        repeat: "always",
        ...options,
      },
    );

  status: StoreClient["status"] = (options) =>
    this.#call(MaintenanceService.methods.status, StatusRequest.create(), {
      repeat: "always",
      ...options,
    });

  hashKv: StoreClient["hashKv"] = (request, options) =>
    this.#call(MaintenanceService.methods.hashKv, HashKVRequest.create(request), {
      repeat: "always",
      ...options,
    });

  alarms: StoreClient["alarms"] = (options) =>
    this.#call(MaintenanceService.methods.alarm, AlarmRequest.create({ action: AlarmAction.GET }), {
      repeat: "always",
      ...options,
    });

  watch(spec: WatchSpec): StoreWatch {
    const progress: ProgressAsker = { ask: undefined, isWanted: false };
    const batches = this.#watch(spec, progress);
    return {
      [Symbol.asyncIterator]: () => batches,
      requestProgress: () => {
        if (progress.ask) progress.ask();
        else progress.isWanted = true;
      },
    };
  }

  async *#watch(spec: WatchSpec, progress: ProgressAsker): AsyncGenerator<WatchBatch> {
    let next = spec.startRevision ?? 0;
    const { signal } = spec;
    while (!signal?.aborted) {
      const channel = this.#endpoints.current;
      try {
        for await (const response of this.#watchOnce(channel, { spec, next, progress })) {
          const { events, header } = response;
          // etcd's header may be ahead of the events it sends to a watch that is behind: only the
          // events say how far that has come.
          const revision = events.at(-1)?.kv?.modRevision ?? header?.revision ?? 0;
          if (response.created) {
            // From now on a reconnect must not skip what happens meanwhile.
            if (next === 0) next = revision + 1;
            continue;
          }
          next = Math.max(next, revision + 1);
          yield { revision, events, header };
        }
      } catch (error) {
        if (signal?.aborted) return;
        if (!(error instanceof RpcError) || !isRetried(error.code)) throw error;
        this.#endpoints.leave(channel);
      }
      await delay(this.#clock, WATCH_RETRY_MS, signal).catch(() => {});
    }
  }

  async leaseKeepAlive(id: bigint, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const channel = this.#endpoints.current;
      try {
        const { ttl } = await this.#renew(channel, id, { signal });
        if (ttl <= 0) return;
        await delay(this.#clock, (ttl * 1000) / RENEWALS_PER_TTL, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof RpcError) || !isRetried(error.code)) throw error;
        this.#endpoints.leave(channel);
        await delay(this.#clock, WATCH_RETRY_MS, signal).catch(() => {});
      }
    }
  }

  close(): Promise<void> {
    return this.#endpoints.close();
  }

  async #renew(
    channel: Channel,
    id: bigint,
    { signal, timeoutMs }: ClientCallOptions,
  ): Promise<LeaseKeepAliveResponse> {
    const call = channel.duplex(LeaseService.methods.leaseKeepAlive, {
      ...(signal ? { signal } : {}),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
    await call.send(LeaseKeepAliveRequest.create({ id }));
    call.end();
    for await (const response of call.responses) return response;
    throw new RpcError(StatusCode.unavailable, "the keepalive stream ended without an answer");
  }

  async *#watchOnce(
    channel: Channel,
    { spec, next, progress }: WatchAttempt,
  ): AsyncGenerator<WatchResponse> {
    const options = spec.signal ? { signal: spec.signal } : {};
    const call = channel.duplex(WatchService.methods.watch, options);
    const create = WatchCreateRequest.create({
      key: spec.key,
      ...(spec.rangeEnd ? { rangeEnd: spec.rangeEnd } : {}),
      startRevision: next,
      prevKv: spec.prevKv ?? false,
      progressNotify: spec.progressNotify ?? false,
    });
    try {
      await call.send({ requestUnion: { kind: "createRequest", value: create } });
      progress.ask = () => {
        const value = WatchProgressRequest.create();
        // A stream that is broken says so to its reader, who makes another.
        call.send({ requestUnion: { kind: "progressRequest", value } }).catch(() => {});
      };
      if (progress.isWanted) progress.ask();
      progress.isWanted = false;
      for await (const response of call.responses) {
        if (response.compactRevision > 0) {
          throw new CompactedError(response.compactRevision, response.header);
        }
        if (response.canceled) {
          throw new RpcError(
            StatusCode.failedPrecondition,
            response.cancelReason || "watch canceled",
          );
        }
        yield response;
      }
    } finally {
      progress.ask = undefined;
      call.cancel();
    }
  }

  #call<Request, Response>(
    method: MethodDescriptor<Request, Response, "unary">,
    request: Request,
    options: ClientCallOptions & { readonly repeat: Repeatable },
  ): Promise<Response> {
    return this.#endpoints.call(options.repeat, options, (channel, timeoutMs) =>
      channel.unary(method, request, {
        timeoutMs,
        ...(options.signal ? { signal: options.signal } : {}),
      }),
    );
  }
}

/** How to ask the connection of the moment for progress; undefined while there is none. */
interface ProgressAsker {
  ask: (() => void) | undefined;
  /** Asked for while there was none. */
  isWanted: boolean;
}

interface WatchAttempt {
  readonly spec: WatchSpec;
  /** The first revision wanted. */
  readonly next: number;
  readonly progress: ProgressAsker;
}

/** Ends of a stream that say nothing about the request itself. */
function isRetried(code: number): boolean {
  return (
    code === StatusCode.unavailable ||
    code === StatusCode.internal ||
    code === StatusCode.cancelled ||
    code === StatusCode.unknown
  );
}
