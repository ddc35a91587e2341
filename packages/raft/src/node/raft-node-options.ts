/** What a member is, and what it is given. */
import type { Clock, Logger, Random } from "@sagong/base";
import { RAFT_DEFAULTS, type RaftConfig } from "../core/config.js";
import type { SparingLimits } from "../core/sparing.js";
import type { NodeId } from "../core/types.js";
import type { LogStorage } from "../storage/log-storage.js";
import type { Transport } from "../transport/transport.js";
import type { StateMachine } from "./state-machine.js";

export interface RaftNodeOptions {
  readonly nodeId: NodeId;
  readonly voters: readonly NodeId[];
  /** Milliseconds of one tick, and between heartbeats. */
  readonly heartbeatMs: number;
  readonly electionMs: number;
  /** Applied entries between two compactions of the log. An entry is a batch of proposals. */
  readonly snapshotCount: number;
  /** Entries kept behind a compaction, for followers that are a little behind. */
  readonly catchUpEntries: number;
  /** The same two in bytes of data; whichever is reached first. Default `LOG_BYTES` each. */
  readonly snapshotBytes?: number;
  readonly catchUpBytes?: number;
  /** Default `RAFT_DEFAULTS.sparing`. */
  readonly sparing?: SparingLimits;
}

/**
 * The log is kept in memory between compactions, so that a member has up to twice this. It is some
 * 50,000 small puts that a follower may be away for without needing an image; etcd keeps 5,000.
 */
export const LOG_BYTES = 16_777_216;

export interface RaftNodeDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly storage: LogStorage;
  readonly transport: Transport;
  readonly stateMachine: StateMachine;
  /** Whether no client uses this member: a busy leader may tell it late then. Default: they do. */
  readonly isIdle?: () => boolean;
  /** Runs a callback in the next turn of the event loop: setImmediate, or a simulation's own. */
  readonly defer: (callback: () => void) => void;
  /**
   * Runs a callback when what is under way in this turn is done, before the loop turns: where
   * there is a `process`, its nextTick. What it sends leaves in this turn then. `defer` if left out.
   */
  readonly afterCurrent?: (callback: () => void) => void;
}

export function raftConfig(
  { nodeId, voters, heartbeatMs, electionMs, sparing = RAFT_DEFAULTS.sparing }: RaftNodeOptions,
  random: Random,
): RaftConfig {
  const electionTicks = Math.max(2, Math.round(electionMs / heartbeatMs));
  return { ...RAFT_DEFAULTS, nodeId, voters, electionTicks, sparing, random };
}
