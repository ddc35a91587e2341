/** Lines of the matrix of faults that real processes are not put through, and why. */
import type { FaultGroup } from "./fault.js";

export interface NotCovered {
  readonly group: FaultGroup | "membership" | "snapshot";
  readonly what: string;
  readonly reason: string;
}

export const NOT_COVERED: readonly NotCovered[] = [
  {
    group: "process",
    what: "event loop block, blocked log sink",
    reason: "the simulator has both; SIGSTOP and a throttled CPU are nearest here",
  },
  {
    group: "network",
    what: "duplicate, reorder",
    reason: "TCP hides both; the simulator does them to messages",
  },
  {
    group: "disk-errors",
    what: "EIO on read",
    reason: "LevelDB reads by mmap, which no library stands before; the simulator's disk has it",
  },
  {
    group: "disk-lies",
    what: "rename without a sync of the folder, flipped bits, truncated, misdirected, old data",
    reason: "the simulator's disk has them; damaged files are also in test/store-bad-disk.test.ts",
  },
  { group: "membership", what: "all", reason: "the store cannot change its members yet" },
  {
    group: "snapshot",
    what: "an image interrupted by a kill at a chosen moment, a corrupted chunk",
    reason: "the simulator chooses moments; here members that come back need images now and then",
  },
  {
    group: "storage-work",
    what: "crash at a chosen point of compaction, quota hit",
    reason: "the simulator chooses points; here kills meet compactions by chance",
  },
  { group: "service", what: "auth change, token expiry", reason: "the store has no auth yet" },
  {
    group: "service",
    what: "lease expiry under pause, old leader's revocations",
    reason: "not chosen, but met: leases run out during pauses and cuts, and are judged",
  },
  { group: "versions", what: "mixed versions, upgrade, downgrade", reason: "there is one version" },
];
