import { implement, type ServiceImplementation } from "@sagong/rpc";
import { ClusterService } from "../gen/rpc.js";
import type { ClusterApi } from "./store-api.js";

/** etcdserverpb.Cluster, for a membership that does not change: the rest answers Unimplemented. */
export function createClusterService(cluster: ClusterApi): ServiceImplementation {
  return implement(ClusterService, { memberList: (request) => cluster.memberList(request) });
}
