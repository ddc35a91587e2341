/**
 * The disk of one simulated machine, with the data directory of its member. It outlives the member's
 * processes: each mounts it, and what a crash leaves is what the next one finds.
 *
 *     member/identity.json  member/store[.new|.ready]    one folder of names
 *     member/store/*.blocks                              one for each database
 *     member/log/*.wal                                   another
 *
 * Above it stands the member's real code: `FileLogStorage` on `LogFiles`, `LevelBackend` on
 * `Databases`. The twin is of what lies below: the kernel's cache, the device, LevelDB's files.
 */
import { assert, type Random, randomBelow } from "@sagong/base";
import type { BlockFileLimits } from "@sagong/kv/parts";
import type { World } from "../world/world.js";
import { type DiskArea, DiskFaults } from "./disk-faults.js";
import { type DiskCall, DiskOperations, type DiskProcess } from "./disk-operations.js";
import { DiskRoom } from "./disk-room.js";
import { FolderNames } from "./folder-names.js";
import { MountedDisk, STORE } from "./mounted-disk.js";
import { SimulatedDatabase } from "./simulated-database.js";
import type { MemberItem } from "./simulated-databases.js";
import { SimulatedFile } from "./simulated-file.js";

export interface SimulatedDiskOptions {
  readonly world: World;
  /** The member's: in messages, in the trace, and in the names of its streams of chance. */
  readonly name: string;
  /** What LevelDB buffers before it makes a table, instead of `LevelBackend`'s own choice. */
  readonly databaseBufferBytes?: number;
  /** Which blocks lie in files beside it, and how large those become, likewise. */
  readonly blockFiles?: BlockFileLimits;
}

/** All that was on a disk, to be brought back later. */
export interface DiskCopy {
  readonly member: readonly (readonly [string, MemberItem])[];
  readonly log: readonly (readonly [string, SimulatedFile])[];
}

export class SimulatedDisk {
  readonly faults: DiskFaults = new DiskFaults();
  readonly #options: SimulatedDiskOptions;
  /** What a crash leaves, and where damage strikes. */
  readonly #fate: Random;
  readonly #operations: DiskOperations;
  readonly #room: DiskRoom;
  readonly #member = new FolderNames<MemberItem>();
  readonly #log = new FolderNames<SimulatedFile>();
  #mounted: { isDead: boolean } | undefined;
  #misdirectsNext = false;
  #writesAfterFailure = 0;

  constructor(options: SimulatedDiskOptions) {
    const { world, name } = options;
    this.#options = options;
    this.#fate = world.chance(`disk fate ${name}`);
    const pace = world.chance(`disk pace ${name}`);
    this.#operations = new DiskOperations({ world, faults: this.faults, pace });
    this.#room = new DiskRoom(this.faults, () => this.usedBytes);
  }

  /**
   * Writes to the log by a process that had been told that one failed. There may be none: what the
   * failed one had in the cache may be gone, and everything after it stands on that.
   */
  get writesAfterFailure(): number {
    return this.#writesAfterFailure;
  }

  get usedBytes(): number {
    let bytes = 0;
    for (const [, file] of this.#log.items()) bytes += file.sizeBytes;
    for (const [, item] of this.#member.items()) {
      bytes += item instanceof SimulatedFile ? item.sizeBytes : item.usedBytes;
    }
    return bytes;
  }

  /** An image has all that it needs, and is about to take the database's place. */
  get isImageComplete(): boolean {
    return this.#member.get(`${STORE}.ready`) !== undefined;
  }

  /** The disk as one process sees it, from its start to its end; without effect afterwards. */
  mount(process: DiskProcess): MountedDisk {
    assert(!this.#mounted, `the disk of ${this.#options.name} is mounted by another process`);
    const mounted = { isDead: false };
    let hasFailed = false;
    this.#mounted = mounted;
    const run = <T>(call: DiskCall<T>): Promise<T> =>
      mounted.isDead ? new Promise<T>(() => {}) : this.#operations.run(process, call);
    return new MountedDisk({
      name: this.#options.name,
      databaseBufferBytes: this.#options.databaseBufferBytes,
      blockFiles: this.#options.blockFiles,
      faults: this.faults,
      room: this.#room,
      random: this.#fate,
      member: this.#member,
      log: this.#log,
      noteWrite: (how) => {
        if (how === "failed") hasFailed = true;
        else if (hasFailed) this.#writesAfterFailure++;
      },
      takeMisdirection: () => this.#takeMisdirection(),
      run,
    });
  }

  /**
   * The process is dead (`process`: what it wrote stays in the cache; what was under way is done,
   * half done, or not) or the machine is without power (what was not synced is lost, torn, or there).
   */
  crash(loss: "process" | "power"): void {
    const { underway } = this.#operations;
    this.unmount();
    if (loss === "process") {
      if (underway > 0) this.#trace(`the process died in ${underway} calls to the disk`);
      return;
    }
    let unsynced = this.#log.unsyncedChanges + this.#member.unsyncedChanges;
    // A file whose name comes back has lost power too: names last.
    for (const file of this.#log.known()) {
      unsynced += file.unsyncedChanges;
      file.losePower(this.#fate, this.faults.tearing);
    }
    for (const item of this.#member.known()) {
      if (item instanceof SimulatedFile) item.losePower(this.#fate, this.faults.tearing);
      else {
        unsynced += item.unsyncedChanges;
        item.losePower(this.#fate, this.faults.tearing);
      }
    }
    this.#log.losePower(this.#fate);
    this.#member.losePower(this.#fate);
    this.#trace(`power loss with ${unsynced} changes unsynced, in ${underway} calls`);
  }

  /** The process is over: what it still had under way is done, half done, or not. */
  unmount(): void {
    this.#operations.crash(this.#fate);
    if (this.#mounted) this.#mounted.isDead = true;
    this.#mounted = undefined;
    for (const item of this.#member.known()) {
      if (item instanceof SimulatedDatabase) item.isOpen = false;
    }
  }

  /** Answers what it did, for the trace; undefined where there was nothing to do it to. */
  flipBit(area: DiskArea): string | undefined {
    const random = this.#fate;
    if (area !== "log") return this.#traced(this.#database(area)?.flipBit(random));
    const [name, file] = this.#anyLogFile() ?? [];
    const bit = file?.flipBit(random);
    return this.#traced(bit === undefined ? undefined : `bit ${bit} of ${name} is flipped`);
  }

  truncateFile(area: DiskArea): string | undefined {
    const random = this.#fate;
    if (area !== "log") return this.#traced(this.#database(area)?.loseEnd(random));
    const [name, file] = this.#anyLogFile() ?? [];
    const length = file?.loseEnd(random);
    return this.#traced(length === undefined ? undefined : `${name} is cut off at ${length}`);
  }

  /**
   * The next write to the log lands elsewhere in its file and says that it is done. The cache has it
   * where it belongs: only a power loss brings it to light.
   */
  misdirectNextWrite(): void {
    this.#misdirectsNext = true;
  }

  /** Between two processes only, as `restore`. */
  wipe(): void {
    assert(!this.#mounted, "a disk is wiped between two processes");
    this.#log.clear();
    this.#member.clear();
  }

  copy(): DiskCopy {
    return {
      member: [...this.#member.items()].map(([name, item]) => [name, item.copy()]),
      log: [...this.#log.items()].map(([name, file]) => [name, file.copy()]),
    };
  }

  restore(copy: DiskCopy): void {
    this.wipe();
    for (const [name, item] of copy.member) this.#member.add(name, item.copy());
    for (const [name, file] of copy.log) this.#log.add(name, file.copy());
    this.#member.sync();
    this.#log.sync();
  }

  #database(area: DiskArea): SimulatedDatabase | undefined {
    const item = this.#member.get(area === "image" ? `${STORE}.new` : STORE);
    return item instanceof SimulatedDatabase ? item : undefined;
  }

  #anyLogFile(): readonly [string, SimulatedFile] | undefined {
    const files = [...this.#log.items()];
    return files[randomBelow(this.#fate, Math.max(1, files.length))];
  }

  #takeMisdirection(): boolean {
    const isIt = this.#misdirectsNext;
    this.#misdirectsNext = false;
    if (isIt) this.#trace("a write to the log landed elsewhere");
    return isIt;
  }

  #traced(text: string | undefined): string | undefined {
    if (text !== undefined) this.#trace(text);
    return text;
  }

  #trace(text: string): void {
    this.#options.world.trace.add({ kind: "disk", who: this.#options.name, text });
  }
}
