import { implement, type ServiceImplementation } from "@sagong/rpc";
import { LeaseService } from "../gen/rpc.js";
import { renewals } from "./lease-renewals.js";
import type { LeaseApi } from "./store-api.js";

/** etcdserverpb.Lease. */
export function createLeaseService(lease: LeaseApi): ServiceImplementation {
  return implement(LeaseService, {
    leaseGrant: (request) => lease.grant(request),
    leaseRevoke: (request) => lease.revoke(request),
    leaseKeepAlive: (requests) => renewals(requests, (request) => lease.keepAlive(request)),
    leaseTimeToLive: (request) => lease.timeToLive(request),
    leaseLeases: () => lease.leases(),
  });
}
