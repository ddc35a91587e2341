/** What commands hand to printers: one kind of result for each thing that etcdctl shows. */
import type {
  DeleteRangeResponse,
  HashKVResponse,
  LeaseGrantResponse,
  LeaseKeepAliveResponse,
  LeaseLeasesResponse,
  LeaseRevokeResponse,
  LeaseTimeToLiveResponse,
  MemberListResponse,
  PutResponse,
  RangeResponse,
  StatusResponse,
  TxnResponse,
  WatchBatch,
} from "@sagong/kv/client";

export interface Results {
  readonly get: {
    readonly response: RangeResponse;
    readonly show?: "everything" | "values" | "count";
  };
  readonly put: PutResponse;
  readonly del: DeleteRangeResponse;
  readonly txn: TxnResponse;
  readonly watch: WatchBatch & {
    /** Set where the watch ended because what it needed is compacted. */
    readonly compactRevision?: number;
  };
  readonly "lease grant": LeaseGrantResponse;
  readonly "lease revoke": { readonly id: bigint; readonly response: LeaseRevokeResponse };
  readonly "lease timetolive": {
    readonly response: LeaseTimeToLiveResponse;
    readonly withKeys: boolean;
  };
  readonly "lease list": LeaseLeasesResponse;
  readonly "lease keep-alive": LeaseKeepAliveResponse;
  readonly "member list": MemberListResponse;
  readonly "endpoint status": readonly EndpointStatus[];
  readonly "endpoint health": readonly EndpointHealth[];
  readonly "endpoint hashkv": readonly EndpointHash[];
}

export interface EndpointStatus {
  readonly endpoint: string;
  readonly status: StatusResponse;
}

export interface EndpointHealth {
  readonly endpoint: string;
  readonly isHealthy: boolean;
  readonly tookMs: number;
  /** Empty where it is healthy. */
  readonly error: string;
}

export interface EndpointHash {
  readonly endpoint: string;
  readonly response: HashKVResponse;
}

/** Output in the order in which it is to be written; bytes are written as they are. */
export type Pieces = readonly (string | Uint8Array)[];

/** A format: what it has no function for, it cannot show. */
export type Printer = {
  readonly [Kind in keyof Results]?: (result: Results[Kind]) => Pieces;
};
