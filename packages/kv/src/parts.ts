/**
 * The parts of a member, for who puts one together on other surroundings than `startStore` does: the
 * simulator. No API for programs.
 */
// Its state, and the disk that it lies on
export { claimDataDir, DataDirError } from "./member/data-dir.js";
export type { MediumOptions, MemberDisk } from "./member/member-disk.js";
export { type OpenState, openState, type OpenStateDependencies } from "./member/open-state.js";
export type { ImageSteps, Pair, StateMedium } from "./member/state-medium.js";
export { KvStateMachine, type KvStateMachineParts } from "./member/kv-state-machine.js";
// The database below the medium
export { BackendError } from "./backend/backend-error.js";
export type { BlockFileLimits } from "./backend/database-folder.js";
export type {
  Database,
  DatabaseBatch,
  DatabaseFile,
  DatabaseFiles,
  DatabaseIterator,
  DatabaseReader,
  Databases,
  DatabaseSnapshot,
} from "./backend/databases.js";
export { LevelBackend, type LevelBackendOptions } from "./backend/level-backend.js";
// Who it is
export { type ClusterIdentity, identify, idText } from "./member/identity.js";
// The member around it
export type { MemberSurroundings } from "./member/member-surroundings.js";
export { type ComposedMember, composeMember } from "./member/compose-member.js";
export { type AssembledMember, GRPC_OVERHEAD_BYTES } from "./member/assemble-member.js";
// What it counts
export { MetricsRegistry } from "./http/metrics.js";
export { createStoreMetrics, type StoreMetrics } from "./http/store-metrics.js";
// What is applied
export { type InternalRequest, RequestBatch } from "./gen/store.js";
