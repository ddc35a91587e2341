export type * from "./history/history.js";
export type { Trace, TraceEvent, TraceKind } from "./trace/trace.js";
export type { World } from "./world/world.js";
