/**
 * The store's client, for our own components and for programs: any etcd v3 server behind it, ours
 * or the original. Requests and responses are etcd's own messages.
 */
import type {
  AlarmResponse,
  CompactionRequest,
  CompactionResponse,
  DeleteRangeRequest,
  DeleteRangeResponse,
  HashKVRequest,
  HashKVResponse,
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseKeepAliveResponse,
  LeaseLeasesResponse,
  LeaseRevokeResponse,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResponse,
  MemberListResponse,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
  ResponseHeader,
  StatusResponse,
  TxnRequest,
  TxnResponse,
} from "../gen/rpc.js";
import type { Event } from "../gen/kv.js";

export interface ClientCallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for the whole call, retries included. */
  readonly timeoutMs?: number | undefined;
}

export interface WatchSpec {
  readonly key: Uint8Array;
  readonly rangeEnd?: Uint8Array;
  /** The first revision wanted; left out: from the next one on. */
  readonly startRevision?: number;
  readonly prevKv?: boolean;
  /** Also yields batches without events, which say how far the store has come. */
  readonly progressNotify?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface WatchBatch {
  /** Everything up to this revision has been delivered. */
  readonly revision: number;
  readonly events: readonly Event[];
  /** Of the member that answered. */
  readonly header: ResponseHeader | undefined;
}

export interface StoreWatch extends AsyncIterable<WatchBatch> {
  /**
   * Asks the member to say, by a batch without events, how far the watch has come (etcd's
   * WatchProgressRequest); without a connection, once there is one. Nothing comes while the watch is
   * behind: ask again.
   */
  requestProgress(): void;
}

/** Rejections are `RpcError`s with etcd's codes and texts, watches also end with `CompactedError`. */
export interface StoreClient {
  range(request: Partial<RangeRequest>, options?: ClientCallOptions): Promise<RangeResponse>;
  put(request: Partial<PutRequest>, options?: ClientCallOptions): Promise<PutResponse>;
  deleteRange(
    request: Partial<DeleteRangeRequest>,
    options?: ClientCallOptions,
  ): Promise<DeleteRangeResponse>;
  txn(request: Partial<TxnRequest>, options?: ClientCallOptions): Promise<TxnResponse>;
  compact(
    request: Partial<CompactionRequest>,
    options?: ClientCallOptions,
  ): Promise<CompactionResponse>;
  /** Goes on over broken connections, without a gap or a repeat. */
  watch(spec: WatchSpec): StoreWatch;
  leaseGrant(
    request: Partial<LeaseGrantRequest>,
    options?: ClientCallOptions,
  ): Promise<LeaseGrantResponse>;
  leaseRevoke(id: bigint, options?: ClientCallOptions): Promise<LeaseRevokeResponse>;
  leaseTimeToLive(
    request: Partial<LeaseTimeToLiveRequest>,
    options?: ClientCallOptions,
  ): Promise<LeaseTimeToLiveResponse>;
  leaseLeases(options?: ClientCallOptions): Promise<LeaseLeasesResponse>;
  /** Renews once; the answer's `ttl` is 0 or less where there is no such lease. */
  leaseKeepAliveOnce(id: bigint, options?: ClientCallOptions): Promise<LeaseKeepAliveResponse>;
  /** Renews until aborted; resolves when the lease is gone. */
  leaseKeepAlive(id: bigint, signal: AbortSignal): Promise<void>;
  memberList(options?: ClientCallOptions): Promise<MemberListResponse>;
  /** Of the endpoint that is in use. */
  status(options?: ClientCallOptions): Promise<StatusResponse>;
  /** Of the endpoint that is in use. */
  hashKv(request: Partial<HashKVRequest>, options?: ClientCallOptions): Promise<HashKVResponse>;
  /** Which alarms are on, on any member. */
  alarms(options?: ClientCallOptions): Promise<AlarmResponse>;
  close(): Promise<void>;
}

/** What a watch still needed is compacted: read the state anew. */
export class CompactedError extends Error {
  override readonly name: string = "CompactedError";
  readonly compactRevision: number;
  /** Of the answer that said so. */
  readonly header: ResponseHeader | undefined;

  constructor(compactRevision: number, header?: ResponseHeader) {
    super(`etcdserver: mvcc: required revision has been compacted (at ${compactRevision})`);
    this.compactRevision = compactRevision;
    this.header = header;
  }
}
