// What clients did and saw
export type {
  CompactOp,
  DeleteAnswer,
  DeleteOp,
  History,
  KvPair,
  KvRequest,
  KvResponse,
  LeaseRecord,
  Operation,
  Outcome,
  PutAnswer,
  PutOp,
  RangeAnswer,
  RangeOp,
  TxnCompare,
  TxnOp,
  TxnStep,
  Violation,
  WatchAnswer,
  WatchEvent,
  WatchRecord,
} from "./history/history.js";
export { callStore, outcomeOf } from "./history/call-store.js";
export {
  type Asking,
  eventRevision,
  HistoryRecorder,
  PendingOperation,
  RecordedLease,
  RecordedWatch,
  type RecorderOptions,
} from "./history/recording.js";
// Histories of single keys, and the search that checks them
export { checkEvents, type KvEvent } from "./check/single-key/check-events.js";
export { checkKvHistory } from "./check/single-key/check-kv-history.js";
export type { Span } from "./check/single-key/check-linearizability.js";
export type { Comparison, Found, KeyOperation } from "./check/single-key/key-model.js";
export type { KvSpan } from "./check/single-key/kv-history.js";
// Who judges it
export { checkHistory } from "./check/check-history.js";
export type { CheckContext, FinalState } from "./check/check-context.js";
export { type Guarantee, GUARANTEES } from "./check/guarantees.js";
export { leaseBounds, type LeaseBounds } from "./check/lease-bounds.js";
export { AppliedDigests, checkHashes, type MemberHash } from "./check/members.js";
export { checkLinearizable } from "./check/linearizability.js";
export { type StoreSequence, sequenceOf } from "./check/store-sequence.js";
export type { StoreEvent } from "./check/model/versioned-store.js";
export { RaftInvariants, type RaftInvariantsOptions } from "./check/raft-invariants.js";
// What happened, and the world that it happened in
export type { Trace, TraceEvent, TraceKind, TraceRole } from "./trace/trace.js";
export type { World } from "./world/world.js";
export { DISK_AREAS, type DiskArea, DiskFaults } from "./disk/disk-faults.js";
export type { DiskProcess } from "./disk/disk-operations.js";
export { type DiskCopy, SimulatedDisk, type SimulatedDiskOptions } from "./disk/simulated-disk.js";
export { MemberClock } from "./member/member-clock.js";
export type {
  AppliedDigest,
  Loss,
  MemberFlags,
  SimulatedCluster,
  SimulatedMember,
} from "./member/simulated-member.js";
export type { LinkState, SimulatedNetwork } from "./network/simulated-network.js";
export { simulate } from "./simulation/simulate.js";
export { SimulationWorker, type SimulationWorkerOptions } from "./simulation/simulation-worker.js";
export { type ProgramIo, runSimulate } from "./simulation/program.js";
export type { ScheduledFault, SimulateOptions, SimulationResult } from "./simulation/simulation.js";
export { SimulatedWorld } from "./world/simulated-world.js";
// Who makes load, and what disturbs it
export { TRAFFIC_PROFILES, type TrafficProfile } from "./traffic/profile.js";
export { trafficOn } from "./traffic/simulated-traffic.js";
export {
  type FinishOptions,
  Traffic,
  type TrafficOptions,
  type TrafficSurges,
} from "./traffic/traffic.js";
export type { TrafficSurroundings } from "./traffic/traffic-run.js";
export { chooseFaults, FAULTS } from "./faults/catalogue.js";
export { FAULT_GROUPS, type CoveredFault, type Fault, type FaultGroup } from "./faults/fault.js";
export { FaultInjector } from "./faults/fault-injector.js";
export type { DiskStanding, FaultClients, FaultSceneOptions } from "./faults/fault-scene.js";
export { planSchedule, type ScheduleOptions } from "./faults/plan-schedule.js";
export { formatSchedule, readSchedule } from "./faults/read-schedule.js";
export { renderCatalogue } from "./faults/render-catalogue.js";
export {
  type Schedule,
  type ShrinkLimits,
  type Shrunk,
  shrinkSchedule,
} from "./faults/shrink-schedule.js";
// Reports
export type { RecordedRun } from "./report/recorded-run.js";
export { renderHtml } from "./report/html.js";
export {
  type FoundMutant,
  type FoundViolation,
  renderSummary,
  type RunResult,
  summarize,
  type Summary,
  type SummaryOptions,
} from "./report/summary.js";
export { renderTable, type TableOptions } from "./report/table.js";
export { Cluster, type ClusterOptions } from "./member/cluster.js";
export { Network } from "./network/network.js";
// Rollouts: the orchestrator's parts under virtual time
export {
  type RolloutResult,
  simulateRollout,
  type SimulateRolloutOptions,
} from "./rollout/simulate-rollout.js";
export {
  renderRolloutFailure,
  type RolloutOutcome,
  RolloutTotals,
  runRolloutSeeds,
  type RunRolloutSeedsOptions,
  shrinkRollout,
} from "./rollout/run-rollout-seeds.js";
