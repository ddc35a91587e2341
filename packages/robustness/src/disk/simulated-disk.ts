/**
 * The disk of one simulated machine, with the data directory of its member. It outlives the member's
 * processes: each mounts it, and what a crash leaves is what the next one finds.
 */
import type { MemberDisk } from "@sagong/kv/parts";
import type { World } from "../world/world.js";
import type { DiskArea, DiskFaults } from "./disk-faults.js";

export interface SimulatedDiskOptions {
  readonly world: World;
  /** The member's: in messages, in the trace, and in the names of its streams of chance. */
  readonly name: string;
}

/** How answers of the disk reach a process; it may be paused, or dead. */
export interface DiskProcess {
  enter(callback: () => void): void;
}

/** All that was on a disk, to be brought back later. */
export interface DiskCopy {
  readonly bytes: number;
}

export interface SimulatedDisk {
  readonly faults: DiskFaults;
  /** Bytes in use. */
  readonly usedBytes: number;
  /** The disk as one process sees it, from its start to its end; without effect after `crash`. */
  mount(process: DiskProcess): MemberDisk;
  /**
   * The process is dead (`process`: what it wrote stays in the cache; what was under way is done,
   * half done, or not) or the machine is without power (what was not synced is lost, torn, or there).
   */
  crash(loss: "process" | "power"): void;
  /** The process ended in order: nothing was under way, the cache stays. */
  unmount(): void;
  /** Each answers what it did, for the trace; undefined where there was nothing to do it to. */
  flipBit(area: DiskArea): string | undefined;
  truncateFile(area: DiskArea): string | undefined;
  /** The next durable write to the log lands elsewhere, and says that it is done. */
  misdirectNextWrite(): void;
  /** Between two processes only: */
  wipe(): void;
  copy(): DiskCopy;
  restore(copy: DiskCopy): void;
}
