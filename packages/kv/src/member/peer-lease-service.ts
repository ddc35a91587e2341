/**
 * Leases between members. Only the leader knows how long a lease has left to live, so a member that
 * is asked to renew one, or for its remaining time, asks the leader over the peer port. The message
 * types are etcd's own; the service is ours (etcd does this over plain HTTP).
 */
import {
  type Channel,
  implement,
  type MethodDescriptor,
  type ServiceImplementation,
} from "@sagong/rpc";
import {
  LeaseKeepAliveRequest,
  LeaseKeepAliveResponse,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResponse,
} from "../gen/rpc.js";

export const PeerLeaseService: {
  readonly name: string;
  readonly methods: {
    readonly renew: MethodDescriptor<LeaseKeepAliveRequest, LeaseKeepAliveResponse, "unary">;
    readonly timeToLive: MethodDescriptor<LeaseTimeToLiveRequest, LeaseTimeToLiveResponse, "unary">;
  };
} = {
  name: "sagong.store.PeerLease",
  methods: {
    renew: {
      path: "/sagong.store.PeerLease/Renew",
      kind: "unary",
      request: LeaseKeepAliveRequest,
      response: LeaseKeepAliveResponse,
    },
    timeToLive: {
      path: "/sagong.store.PeerLease/TimeToLive",
      kind: "unary",
      request: LeaseTimeToLiveRequest,
      response: LeaseTimeToLiveResponse,
    },
  },
};

/**
 * What a leader answers, and a follower asks of it. Refusals are `RpcError` over the wire. A renewal
 * is answered without a promise where the lease is known here: there are many.
 */
export interface PeerLeases {
  renew(request: LeaseKeepAliveRequest): LeaseKeepAliveResponse | Promise<LeaseKeepAliveResponse>;
  timesOf(request: LeaseTimeToLiveRequest): Promise<LeaseTimeToLiveResponse>;
}

export function createPeerLeaseService(leases: PeerLeases): ServiceImplementation {
  return implement(PeerLeaseService, {
    renew: (request) => leases.renew(request),
    timeToLive: (request) => leases.timesOf(request),
  });
}

/** `channel` leads to a peer's peer port. */
export function peerLeasesOver(
  channel: Channel,
  options: { readonly timeoutMs: number },
): PeerLeases {
  const { renew, timeToLive } = PeerLeaseService.methods;
  return {
    renew: (request) => channel.unary(renew, request, options),
    timesOf: (request) => channel.unary(timeToLive, request, options),
  };
}
