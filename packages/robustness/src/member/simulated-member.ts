/**
 * A member of a simulated cluster as faults, clients and checks see it: a machine with a disk, a
 * clock and connections, on which the member's process runs, dies and is started again.
 */
import type { RaftStatus, RaftView } from "@sagong/raft";
import type { Channel } from "@sagong/rpc";
import type { SimulatedDisk } from "../disk/simulated-disk.js";
import type { SimulatedNetwork } from "../network/simulated-network.js";
import type { World } from "../world/world.js";
import type { MemberClock } from "./member-clock.js";

/** The flags that faults may change from one start to the next. Left out: etcd's default. */
export interface MemberFlags {
  readonly heartbeatIntervalMs?: number;
  readonly electionTimeoutMs?: number;
  readonly snapshotCount?: number;
  readonly snapshotCatchUpEntries?: number;
  /** Negative: no limit. */
  readonly quotaBackendBytes?: number;
  readonly maxRequestBytes?: number;
  readonly maxTxnOps?: number;
  readonly watchProgressNotifyIntervalMs?: number;
}

/** `process`: kill -9, the kernel's cache stays. `power`: what was not synced may be lost or torn. */
export type Loss = "process" | "power";

export interface AppliedDigest {
  readonly index: number;
  /** Of every version that is kept, its bytes and revisions, of leases, their keys and of members. */
  readonly digest: string;
}

export interface SimulatedMember {
  /** As in `--name`; its lane in the trace, its node in the network. */
  readonly name: string;
  readonly nodeId: bigint;
  readonly disk: SimulatedDisk;
  readonly clock: MemberClock;
  /** Whether its process runs, be it paused or not ready yet. */
  readonly isRunning: boolean;
  readonly isPaused: boolean;
  /** Why it does not run, where it has refused to start or has stopped itself. */
  readonly failure: unknown;
  /** Flags of the next start. */
  flags: MemberFlags;
  /** Those that it was made with. */
  readonly ownFlags: MemberFlags;
  /**
   * From its disk, as the daemon does; resolves when it serves, and at once where it runs. Rejects
   * where it refuses to start (damaged data, …); `failure` says why then.
   */
  start(): Promise<void>;
  /** At once. No effect where it does not run, but for the disk under `power`. */
  kill(loss: Loss): void;
  /** SIGTERM: hands leadership over, finishes what is under way; killed if that takes too long. */
  stop(): Promise<void>;
  /** SIGSTOP now and SIGCONT after `ms` of true time; a later call may only make it longer. */
  pause(ms: number): void;
  /** Nobody reads its log: its process stands still from the next line on, until somebody does. */
  isLogBlocked: boolean;
  /** A client's connection to it, over the network; outlives its processes, as a channel does. */
  channel(client: string): Channel;
  /** Raft's live state, for its invariants; the same object for as long as one process runs. */
  raftView(): RaftView | undefined;
  /** Undefined where it does not run. */
  raftStatus(): RaftStatus | undefined;
  /** Undefined where it does not run, or an image is taking its state's place. */
  appliedDigest(): AppliedDigest | undefined;
}

export interface SimulatedCluster {
  readonly world: World;
  readonly members: readonly SimulatedMember[];
  readonly network: SimulatedNetwork;
}
