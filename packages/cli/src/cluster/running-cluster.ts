/** What both ways of running a local cluster take and give. */
import type { Clock } from "@sagong/base";
import type { Progress } from "./progress.js";

export interface ClusterDependencies {
  readonly clock: Clock;
  readonly progress: Progress;
  /** Ends the start; a cluster that runs is closed instead. */
  readonly signal: AbortSignal;
  /** The path of node, for parts in processes of their own. */
  readonly program: string;
  /** Where pods find programs: PATH and the like. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface RunningCluster {
  /** The processes of the parts, by name; empty where all are in this one. */
  pids(): ReadonlyMap<string, number>;
  /** Stops all parts in order. */
  close(): Promise<void>;
}
