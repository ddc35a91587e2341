/**
 * What lies in a database's folder, as LevelDB keeps it: batches in a log, and tables that are on
 * disk once they are made. What a crash takes is what LevelDB's own recovery would not find again.
 *
 * The store has files of its own beside them (simulated-database-files.ts): LevelDB knows nothing of those.
 *
 * B1 a batch is there as a whole or not at all; of one log, batches without a sync are lost from the
 *    end. A log that LevelDB has left is never synced any more, until its table is made: its end may
 *    be lost although the next log is there.
 * B2 opening makes a table of what the logs hold, on disk.
 * B3 opening ends the last log at its first fault, and refuses a fault in an earlier one (as
 *    `levelDatabases` does it); damage in a table is read as it stands, or fails the read.
 */
import { type Random, randomBelow } from "@sagong/base";
import { FolderNames } from "./folder-names.js";
import { type SimulatedFile, type Tearing } from "./simulated-file.js";

/** Undefined: deleted. */
export type PairWrite = readonly [key: string, value: Uint8Array | undefined];

interface LoggedBatch {
  readonly writes: readonly PairWrite[];
  /** What its keys had before it. */
  readonly before: readonly (Uint8Array | undefined)[];
  readonly bytes: number;
  /** LevelDB's log that it stands in. */
  readonly log: number;
  /** `never`: its sync has failed, and no later one is its own. */
  state: "unsynced" | "synced" | "never";
  isDamaged: boolean;
}

/** What a pair takes in a table or log besides its bytes, roughly. */
const PAIR_OVERHEAD_BYTES = 16;

export class SimulatedDatabase {
  readonly #pairs = new Map<string, Uint8Array>();
  /** Beside LevelDB's. */
  readonly files: FolderNames<SimulatedFile> = new FolderNames();
  #batches: LoggedBatch[] = [];
  /** The present log's number, and its bytes. */
  #log = 0;
  #logBytes = 0;
  #liveBytes = 0;
  /** Of pairs that were replaced or deleted, and lie in tables still. */
  #garbageBytes = 0;
  /** Why it cannot be opened. */
  damage: string | undefined;
  /** Why its tables cannot be read. */
  unreadable: string | undefined;
  isOpen = false;

  get(key: string): Uint8Array | undefined {
    return this.#pairs.get(key);
  }

  pairs(): Iterable<readonly [string, Uint8Array]> {
    return this.#pairs;
  }

  get logBytes(): number {
    return this.#logBytes;
  }

  get tableBytes(): number {
    return this.#liveBytes + this.#garbageBytes;
  }

  get usedBytes(): number {
    return this.tableBytes + this.#logBytes + this.#fileBytes;
  }

  get #fileBytes(): number {
    let bytes = 0;
    for (const [, file] of this.files.items()) bytes += file.sizeBytes;
    return bytes;
  }

  get #unsyncedBatches(): number {
    return this.#batches.filter(({ state }) => state !== "synced").length;
  }

  get unsyncedChanges(): number {
    let changes = this.#unsyncedBatches + this.files.unsyncedChanges;
    for (const file of this.files.known()) changes += file.unsyncedChanges;
    return changes;
  }

  write(writes: readonly PairWrite[], state: LoggedBatch["state"]): void {
    let bytes = 0;
    for (const [key, value] of writes) bytes += pairBytes(key, value);
    const before = writes.map((write) => this.#set(write));
    this.#batches.push({ writes, before, bytes, log: this.#log, state, isDamaged: false });
    this.#logBytes += bytes;
  }

  /** The present log: those before it are out of reach. */
  syncLog(): void {
    for (let i = this.#batches.length - 1; i >= 0; i--) {
      const batch = this.#batches[i];
      if (!batch || batch.log !== this.#log || batch.state === "synced") break;
      if (batch.state === "unsynced") batch.state = "synced";
    }
  }

  /** All files, while nobody has it open. */
  syncAll(): void {
    for (const batch of this.#batches) if (batch.state === "unsynced") batch.state = "synced";
    for (const [, file] of this.files.items()) file.sync();
    this.files.sync();
  }

  /** The present log takes nothing more. Returns its number, for `finishLog`. */
  leaveLog(): number {
    this.#logBytes = 0;
    return this.#log++;
  }

  /** What was in the logs up to `log` is in tables now; on disk, unless the disk lies. */
  finishLog(log: number, { lies }: { readonly lies: boolean }): void {
    if (!lies) this.#batches = this.#batches.filter((batch) => batch.log > log);
  }

  /** Tables without what was replaced or deleted. */
  collectGarbage(): void {
    this.#garbageBytes = 0;
  }

  /** B2, B3. */
  recover({ lies }: { readonly lies: boolean }): void {
    const fault = this.#batches.findIndex(({ isDamaged }) => isDamaged);
    if (fault >= 0) {
      const before = new Set(this.#batches.slice(0, fault));
      if (this.#batches[fault]?.log !== this.#batches.at(-1)?.log) {
        throw new Error("a log is damaged, with a log behind it");
      }
      this.#keep((batch) => before.has(batch));
    }
    this.finishLog(this.leaveLog(), { lies });
  }

  /** B1. */
  losePower(random: Random, tearing: Tearing): void {
    // A file whose name comes back has lost power too: names last.
    for (const file of this.files.known()) file.losePower(random, tearing);
    this.files.losePower(random);
    const cut = new Map<number, number>();
    const unsynced = new Map<number, number>();
    for (const { log, state } of this.#batches) {
      if (state === "unsynced") unsynced.set(log, (unsynced.get(log) ?? 0) + 1);
    }
    for (const [log, count] of unsynced) cut.set(log, randomBelow(random, count + 1));
    const isKept = ({ log, state }: LoggedBatch): boolean => {
      if (state !== "unsynced") return state === "synced";
      const left = cut.get(log) ?? 0;
      cut.set(log, left - 1);
      return left > 0;
    };
    if (this.#unsyncedBatches > 0) this.#keep(isKept);
    for (const batch of this.#batches) batch.state = "synced";
  }

  /** What became of it, for people; undefined where nothing is stored. */
  flipBit(random: Random): string | undefined {
    const at = randomBelow(random, this.usedBytes + 1);
    if (at >= this.tableBytes + this.#logBytes && this.#fileBytes > 0) {
      const [name, file] = this.#anyFile(random);
      const bit = file.flipBit(random);
      return bit === undefined ? undefined : `bit ${bit} of ${name} is flipped`;
    }
    const inLog = at < this.#logBytes;
    const batch = this.#batches[randomBelow(random, this.#batches.length)];
    if (inLog && batch) {
      batch.isDamaged = true;
      return "a batch of LevelDB's log is damaged";
    }
    const names = [...this.#pairs.keys()];
    const name = names[randomBelow(random, names.length)];
    const value = name === undefined ? undefined : this.#pairs.get(name);
    if (name === undefined || value === undefined) return undefined;
    // In a compressed block most flips leave something that cannot be unpacked.
    if (value.length === 0 || randomBelow(random, 2) === 0) {
      this.unreadable = "Corruption: corrupted compressed block contents";
      return "a block of a table cannot be read";
    }
    const bit = randomBelow(random, value.length * 8);
    const flipped = new Uint8Array(value); // A Buffer's slice() would be the same memory.
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    this.#pairs.set(name, flipped);
    return `bit ${bit} of a value of ${value.length} bytes is flipped`;
  }

  /** The log's end is cut off, or where it is empty, a table's; or that of a file beside them. */
  loseEnd(random: Random): string | undefined {
    if (this.#fileBytes > 0 && randomBelow(random, 2) === 0) {
      const [name, file] = this.#anyFile(random);
      const length = file.loseEnd(random);
      return length === undefined ? undefined : `${name} is cut off at ${length}`;
    }
    if (this.#batches.length > 0) {
      const kept = randomBelow(random, this.#batches.length);
      const lost = this.#batches.length - kept;
      for (const batch of this.#batches.slice(kept)) batch.isDamaged = true;
      return `LevelDB's log lost its last ${lost} batches`;
    }
    if (this.#pairs.size === 0) return undefined;
    this.unreadable = "Corruption: truncated block read";
    return "a table lost its end";
  }

  copy(): SimulatedDatabase {
    const copy = new SimulatedDatabase();
    for (const write of this.#pairs) copy.#set(write);
    for (const [name, file] of this.files.items()) copy.files.add(name, file.copy());
    copy.files.sync();
    copy.damage = this.damage;
    copy.unreadable = this.unreadable;
    return copy;
  }

  /** There is one. */
  #anyFile(random: Random): readonly [string, SimulatedFile] {
    const files = [...this.files.items()];
    return files[randomBelow(random, files.length)] as readonly [string, SimulatedFile];
  }

  /** As if the other batches had never been. */
  #keep(isKept: (batch: LoggedBatch) => boolean): void {
    const batches = this.#batches;
    for (const { writes, before } of batches.toReversed()) {
      for (let i = writes.length - 1; i >= 0; i--) {
        const write = writes[i];
        if (write) this.#set([write[0], before[i]]);
      }
    }
    this.#batches = batches.filter(isKept).map((batch) => ({
      ...batch,
      before: batch.writes.map((write) => this.#set(write)),
    }));
  }

  /** Returns what was there. */
  #set([key, value]: PairWrite): Uint8Array | undefined {
    const before = this.#pairs.get(key);
    if (before !== undefined) {
      this.#liveBytes -= pairBytes(key, before);
      this.#garbageBytes += pairBytes(key, before);
    }
    if (value === undefined) this.#pairs.delete(key);
    else {
      this.#pairs.set(key, value);
      this.#liveBytes += pairBytes(key, value);
    }
    return before;
  }
}

function pairBytes(key: string, value: Uint8Array | undefined): number {
  return key.length + (value?.length ?? 0) + PAIR_OVERHEAD_BYTES;
}
