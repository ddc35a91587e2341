import { implement, type ServiceImplementation } from "@sagong/rpc";
import { MaintenanceService } from "../gen/rpc.js";
import type { MaintenanceApi } from "./store-api.js";

/** etcdserverpb.Maintenance. Snapshot and Downgrade are not there yet: Unimplemented. */
export function createMaintenanceService(maintenance: MaintenanceApi): ServiceImplementation {
  return implement(MaintenanceService, {
    alarm: (request) => maintenance.alarm(request),
    status: () => maintenance.status(),
    defragment: () => maintenance.defragment(),
    hash: () => maintenance.hash(),
    hashKv: (request) => maintenance.hashKv(request),
    moveLeader: (request) => maintenance.moveLeader(request),
  });
}
