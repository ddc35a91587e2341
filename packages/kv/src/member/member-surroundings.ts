/** What a member stands on and does not own: given by the daemon, or by a simulator. */
import type { Clock, Logger } from "@sagong/base";
import type { LogStorage, SparingLimits, Transport } from "@sagong/raft";
import type { Channel } from "@sagong/rpc";
import type { ClusterIdentity, MemberIdentity } from "./identity.js";
import type { MemberDisk } from "./member-disk.js";

export interface MemberSurroundings {
  readonly identity: ClusterIdentity;
  readonly disk: MemberDisk;
  /** Started and closed by raft. */
  readonly transport: Transport;
  /** A channel to what a peer serves beside raft; undefined where it has no address. */
  readonly connectPeer: (peer: MemberIdentity) => Channel | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of election timeouts and lease ids; a safe integer. */
  readonly randomSeed: number;
  /** Runs a callback when what is under way in this turn is done. */
  readonly afterCurrent: (callback: () => void) => void;
  /** Runs a callback in the next turn of the event loop. */
  readonly defer: (callback: () => void) => void;
  /** Told when the member cannot go on, as often as a part of it finds that; it is still to be closed. */
  readonly onFatal: (error: unknown) => void;
  /** What its health service answers. */
  readonly isServing: () => boolean;
  /** Of raft's log; its own choice where left out. */
  readonly segmentBytes?: number;
  /** Of versions in memory, likewise. */
  readonly heldBytesMax?: number;
  /** When raft tells a follower late that no majority needs; its own choice where left out. */
  readonly sparing?: SparingLimits;
  /** Whether no client uses this member, instead of what it knows of them. */
  readonly isIdle?: () => boolean;
  /** Puts somebody between raft and its log, who sees what is written. */
  readonly aroundLog?: (log: LogStorage) => LogStorage;
}
