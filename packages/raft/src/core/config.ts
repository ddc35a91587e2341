/** The core's settings, with their units, defaults and limits. */
import type { Random } from "@sagong/base";
import type { SparingLimits } from "./sparing.js";
import type { NodeId } from "./types.js";

export interface RaftConfig {
  readonly nodeId: NodeId;
  readonly voters: readonly NodeId[];
  /** Ticks without a leader before a campaign; each wait is drawn from [n, 2n) (§5.2). */
  readonly electionTicks: number;
  /** Ticks between heartbeats; far below electionTicks (§5.6). */
  readonly heartbeatTicks: number;
  /** Bytes of entries in one append message; one entry may be larger. */
  readonly maxAppendBytes: number;
  /** Append messages on their way to one follower. */
  readonly maxInflightMessages: number;
  /** Bytes of entries on their way to one follower: also what its disk may be behind with. */
  readonly maxInflightBytes: number;
  /** Bytes of entries that are not committed yet; beyond it proposals are refused. */
  readonly maxUncommittedBytes: number;
  /** When followers that no majority needs are told late. */
  readonly sparing: SparingLimits;
  readonly random: Random;
}

/** etcd's: 1 MiB a message, 512 messages under way; and limits in bytes, which it has not set. */
export const RAFT_DEFAULTS: Omit<RaftConfig, "nodeId" | "voters" | "random"> = {
  electionTicks: 10,
  heartbeatTicks: 1,
  maxAppendBytes: 1_048_576,
  maxInflightMessages: 512,
  maxInflightBytes: 8_388_608,
  maxUncommittedBytes: 67_108_864,
  // A hundred appends a second, with a heartbeat each 100 ms; and three quarters of what one message may carry.
  sparing: { appendsATick: 10, heldMs: 25, heldEntriesMax: 64, heldBytesMax: 786_432 },
};

/** Throws `RangeError` naming the option, its value and what was expected. */
export function validateConfig(config: RaftConfig): void {
  const { nodeId, voters, electionTicks, heartbeatTicks } = config;
  if (nodeId === 0n) throw new RangeError("Cannot use node id 0: expected a non-zero id");
  if (!voters.includes(nodeId)) {
    throw new RangeError(
      `Cannot use voters [${voters.join(", ")}]: expected node ${nodeId} in them`,
    );
  }
  if (new Set(voters).size !== voters.length) {
    throw new RangeError(`Cannot use voters [${voters.join(", ")}]: expected each id once`);
  }
  if (heartbeatTicks < 1 || electionTicks <= heartbeatTicks) {
    throw new RangeError(
      `Cannot use electionTicks ${electionTicks} with heartbeatTicks ${heartbeatTicks}: expected more election than heartbeat ticks, and at least 1`,
    );
  }
}
