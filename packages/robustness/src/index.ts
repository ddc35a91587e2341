export type * from "./history/history.js";
export type { Trace, TraceEvent, TraceKind, TraceRole } from "./trace/trace.js";
export type { World } from "./world/world.js";
export type { RecordedRun } from "./report/recorded-run.js";
export type { FoundMutant, RunResult, Summary } from "./report/summary.js";
export { MemberClock } from "./member/member-clock.js";
export type {
  AppliedDigest,
  Loss,
  MemberFlags,
  SimulatedCluster,
  SimulatedMember,
} from "./member/simulated-member.js";
export type { LinkState, SimulatedNetwork } from "./network/simulated-network.js";
export type { ScheduledFault, SimulateOptions, SimulationResult } from "./simulation/simulation.js";
