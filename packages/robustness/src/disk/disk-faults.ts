/**
 * What is wrong with a disk at present: switches that whoever injects faults sets and clears. They
 * hold for operations that begin or end while they are set. A disk is made without any.
 */

/**
 * The parts of a data directory: raft's log; the database (and the identity record beside it); the
 * database of an image that is being received.
 */
export type DiskArea = "log" | "database" | "image";

export const DISK_AREAS: readonly DiskArea[] = ["log", "database", "image"];

export class DiskFaults {
  /** Bytes that the whole disk has room for; undefined: as many as are wanted. Beyond: ENOSPC. */
  quotaBytes: number | undefined;
  /** Where nothing that needs more room finds it, whatever the quota: ENOSPC. */
  readonly full: Set<DiskArea> = new Set();
  /** EIO. What the write carried is partly in the cache, and not on the disk. */
  readonly writeErrors: Set<DiskArea> = new Set();
  /**
   * EIO. What was to be synced stays readable and never reaches the disk: the next sync succeeds and
   * syncs nothing of it, as on Linux, where a page that failed is marked clean.
   */
  readonly syncErrors: Set<DiskArea> = new Set();
  /** A sync that fails is the last one: as on Linux, which tells of a failure once. */
  failsSyncsOnce = false;
  /** EIO. */
  readonly readErrors: Set<DiskArea> = new Set();
  /** Syncs and durable writes that say "done" and leave everything in a cache without power. */
  readonly lyingSyncs: Set<DiskArea> = new Set();
  /** Names that were made, moved or removed stay unsynced although their folder was synced. */
  ignoresFolderSyncs = false;
  /** How many times as long as usual everything takes. */
  slowdown = 1;
  /** Nothing ends before this moment of the world. */
  stalledUntilMs = 0;
  /**
   * What a power loss leaves of a write that was under way or not synced: `sectors` of 512 bytes each
   * whole or not at all, as real disks do it; or `bytes`, a prefix that ends anywhere.
   */
  tearing: "sectors" | "bytes" = "sectors";

  /** All in order again. What was damaged, lost or not synced meanwhile stays so. */
  clear(): void {
    this.quotaBytes = undefined;
    for (const areas of [
      this.full,
      this.writeErrors,
      this.syncErrors,
      this.readErrors,
      this.lyingSyncs,
    ]) {
      areas.clear();
    }
    this.failsSyncsOnce = false;
    this.ignoresFolderSyncs = false;
    this.slowdown = 1;
    this.stalledUntilMs = 0;
    this.tearing = "sectors";
  }
}
