/**
 * What the gRPC edge asks of a member: each call in etcd's own messages, answered whole, header
 * included. The edge decodes, checks headers, maps errors and counts; every decision is behind this
 * interface. Refusals are `StoreError` (the state machine's) or `MemberError` (the member's).
 */
import type { EncodedMessage } from "@sagong/rpc";
import type {
  AlarmRequest,
  AlarmResponse,
  CompactionRequest,
  CompactionResponse,
  DefragmentResponse,
  DeleteRangeRequest,
  DeleteRangeResponse,
  HashKVRequest,
  HashKVResponse,
  HashResponse,
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseKeepAliveRequest,
  LeaseKeepAliveResponse,
  LeaseLeasesResponse,
  LeaseRevokeRequest,
  LeaseRevokeResponse,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResponse,
  MemberListRequest,
  MemberListResponse,
  MoveLeaderRequest,
  MoveLeaderResponse,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
  StatusResponse,
  TxnRequest,
  TxnResponse,
} from "../gen/rpc.js";

/** Made of stored bytes where nothing has to be sorted or filtered. */
export type RangeAnswer = RangeResponse | EncodedMessage;

export interface KvApi {
  /** `encoded`: the request's own bytes where the caller has them, so that it is not encoded again. */
  range(request: RangeRequest): RangeAnswer | PromiseLike<RangeAnswer>;
  put(request: PutRequest, encoded?: Uint8Array): PromiseLike<PutResponse>;
  deleteRange(request: DeleteRangeRequest, encoded?: Uint8Array): PromiseLike<DeleteRangeResponse>;
  txn(request: TxnRequest, encoded?: Uint8Array): TxnResponse | PromiseLike<TxnResponse>;
  compact(request: CompactionRequest): Promise<CompactionResponse>;
}

export interface LeaseApi {
  grant(request: LeaseGrantRequest): Promise<LeaseGrantResponse>;
  revoke(request: LeaseRevokeRequest): Promise<LeaseRevokeResponse>;
  keepAlive(
    request: LeaseKeepAliveRequest,
  ): LeaseKeepAliveResponse | Promise<LeaseKeepAliveResponse>;
  timeToLive(request: LeaseTimeToLiveRequest): Promise<LeaseTimeToLiveResponse>;
  leases(): LeaseLeasesResponse;
}

export interface ClusterApi {
  memberList(request: MemberListRequest): Promise<MemberListResponse>;
}

export interface MaintenanceApi {
  alarm(request: AlarmRequest): Promise<AlarmResponse>;
  status(): StatusResponse;
  defragment(): DefragmentResponse;
  hash(): Promise<HashResponse>;
  hashKv(request: HashKVRequest): Promise<HashKVResponse>;
  moveLeader(request: MoveLeaderRequest): Promise<MoveLeaderResponse>;
}

/** For `hasleader` metadata: etcd's `WithRequireLeader`. */
export interface LeaderPresence {
  hasLeader(): boolean;
  /** Called each time the member has been without a leader for three election timeouts. */
  onLeaderMissing(listener: () => void): () => void;
}
