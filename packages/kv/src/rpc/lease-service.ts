import { implement, type ServiceImplementation } from "@sagong/rpc";
import { LeaseService } from "../gen/rpc.js";
import type { LeaseApi } from "./store-api.js";

/** etcdserverpb.Lease. Keepalives of one stream are answered one after the other, in order. */
export function createLeaseService(lease: LeaseApi): ServiceImplementation {
  return implement(LeaseService, {
    leaseGrant: (request) => lease.grant(request),
    leaseRevoke: (request) => lease.revoke(request),
    leaseKeepAlive: async function* (requests) {
      for await (const request of requests) yield await lease.keepAlive(request);
    },
    leaseTimeToLive: (request) => lease.timeToLive(request),
    leaseLeases: () => lease.leases(),
  });
}
