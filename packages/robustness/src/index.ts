export type * from "./history/history.js";
export type { Trace, TraceEvent, TraceKind, TraceRole } from "./trace/trace.js";
export type { World } from "./world/world.js";
export type { RecordedRun } from "./report/recorded-run.js";
export type { FoundMutant, RunResult, Summary } from "./report/summary.js";
