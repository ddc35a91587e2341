/** Members on simulated machines, in one network of one world. */
import type { LogStorage } from "@sagong/raft";
import { SimulatedDisk } from "../disk/simulated-disk.js";
import { Network } from "../network/network.js";
import type { SimulatedWorld } from "../world/simulated-world.js";
import { Machine } from "./machine.js";
import type { MemberFlags, SimulatedCluster } from "./simulated-member.js";

export interface ClusterOptions {
  readonly world: SimulatedWorld;
  /** How many. */
  readonly members: number;
  readonly flags?: MemberFlags;
  /** Stands between each member's raft and its log, as an observer. */
  readonly aroundLog?: (log: LogStorage, nodeId: bigint) => LogStorage;
}

/** Small, so that a short run fills it many times, and a crash finds both tables and LevelDB's log. */
const DATABASE_BUFFER_BYTES = 64 * 1024;
/** Small for the same reason: most blocks lie in files, which come and go. */
const BLOCK_FILES = {
  blockBytesMin: 128,
  unsyncedBytesMax: 8 * 1024,
  fileBytesMax: 16 * 1024,
};

export class Cluster implements SimulatedCluster {
  readonly world: SimulatedWorld;
  readonly network: Network;
  readonly members: readonly Machine[];

  constructor({ world, members, flags = {}, aroundLog }: ClusterOptions) {
    this.world = world;
    this.network = new Network(world);
    const names = Array.from({ length: members }, (_, i) => `m${i + 1}`);
    this.members = names.map((name) => {
      const machine: Machine = new Machine({
        name,
        names,
        world,
        network: this.network,
        disk: new SimulatedDisk({
          world,
          name,
          databaseBufferBytes: DATABASE_BUFFER_BYTES,
          blockFiles: BLOCK_FILES,
        }),
        flags,
        ...(aroundLog ? { aroundLog: (log) => aroundLog(log, machine.nodeId) } : {}),
      });
      return machine;
    });
  }

  /** All of them, at once. Resolves when all serve, which needs the world to run. */
  async start(): Promise<void> {
    await Promise.all(this.members.map((member) => member.start()));
  }

  /** The member that leads, as far as those that run know: the one of the highest term. */
  get leader(): Machine | undefined {
    let leader: { readonly member: Machine; readonly term: number } | undefined;
    for (const member of this.members) {
      const status = member.raftStatus();
      if (status?.role !== "leader" || status.term <= (leader?.term ?? -1)) continue;
      leader = { member, term: status.term };
    }
    return leader?.member;
  }
}
