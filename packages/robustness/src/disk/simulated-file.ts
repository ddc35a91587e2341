/**
 * A file as the kernel and the disk have it: the cache, which every process reads, and what a power
 * loss would leave. What is not on the disk yet is kept as changes in their order, so that any of
 * them can be lost while a later one is there.
 *
 * D1 a durable write is on the disk over all that was written to its place before.
 * D2 after a failed sync its changes are readable and never reach the disk (Linux marks the pages
 *    clean); the next sync succeeds.
 */
import { type Random, randomBelow } from "@sagong/base";
import { SparseBytes } from "./sparse-bytes.js";

type Change =
  | { readonly kind: "write"; readonly position: number; readonly bytes: Uint8Array }
  | { readonly kind: "zeros"; readonly position: number; readonly length: number }
  | { readonly kind: "truncate"; readonly length: number };

export type Tearing = "sectors" | "bytes";

/** What a disk writes whole or not at all; and what the kernel copies without being interrupted. */
const SECTOR_BYTES = 512;
const PAGE_BYTES = 4_096;

export class SimulatedFile {
  #cache = new SparseBytes();
  #disk = new SparseBytes();
  #unsynced: Change[] = [];

  get sizeBytes(): number {
    return this.#cache.length;
  }

  get unsyncedChanges(): number {
    return this.#unsynced.length;
  }

  read(): Uint8Array {
    return this.#cache.read();
  }

  /** Answers how much there was. */
  readInto(target: Uint8Array, position: number): number {
    return this.#cache.readInto(target, position);
  }

  write(bytes: Uint8Array, position: number): void {
    this.#change({ kind: "write", position, bytes });
  }

  /** The write, and the sync of what it covers. */
  writeDurably(bytes: Uint8Array, position: number): void {
    this.#cache.write(bytes, position);
    const end = position + bytes.length;
    // D1: what is not synced below it must not come over it later.
    if (this.#unsynced.some((change) => endOf(change) > position && startOf(change) < end)) {
      this.sync();
    }
    this.#disk.write(bytes, position);
  }

  /** On the disk elsewhere than in the cache, in place of nothing at `position`. */
  writeMisdirected(
    bytes: Uint8Array,
    place: { readonly meant: number; readonly is: number },
  ): void {
    this.#cache.write(bytes, place.meant);
    this.#disk.write(bytes, place.is);
  }

  zero(position: number, length: number): void {
    this.#change({ kind: "zeros", position, length });
  }

  truncate(length: number): void {
    this.#change({ kind: "truncate", length });
  }

  sync(): void {
    for (const change of this.#unsynced) apply(this.#disk, change);
    this.#unsynced = [];
  }

  /** D2. */
  failSync(): void {
    this.#unsynced = [];
  }

  /** A write that the process did not see through: the cache has it up to a page's end, or all of it. */
  interruptWrite(bytes: Uint8Array, position: number, random: Random): void {
    const pages =
      Math.ceil((position + bytes.length) / PAGE_BYTES) - Math.floor(position / PAGE_BYTES);
    const written =
      (Math.floor(position / PAGE_BYTES) + randomBelow(random, pages + 1)) * PAGE_BYTES;
    const length = Math.min(bytes.length, written - position);
    if (length > 0) this.write(bytes.subarray(0, length), position);
  }

  /** Each change is lost, there, or torn, whatever became of those before it. */
  losePower(random: Random, tearing: Tearing): void {
    for (const change of this.#unsynced) {
      if (change.kind === "write") leave(this.#disk, change, { random, tearing });
      else if (randomBelow(random, 2) === 0) apply(this.#disk, change);
    }
    this.#unsynced = [];
    this.#cache = this.#disk.copy();
  }

  /** A bit among those that were written; undefined where there is none. */
  flipBit(random: Random): number | undefined {
    const { end } = this.#disk;
    if (end === 0 || this.#cache.end < end) return undefined;
    const bit = randomBelow(random, end * 8);
    this.#cache.flipBit(bit);
    this.#disk.flipBit(bit);
    return bit;
  }

  /** Cuts off some of what was written; undefined where nothing was. */
  loseEnd(random: Random): number | undefined {
    const end = Math.min(this.#disk.end, this.#cache.end);
    if (end === 0) return undefined;
    const length = randomBelow(random, end);
    this.truncate(length);
    this.sync();
    return length;
  }

  copy(): SimulatedFile {
    const copy = new SimulatedFile();
    copy.#cache = this.#cache.copy();
    copy.#disk = this.#cache.copy(); // Whoever restores a copy syncs it.
    return copy;
  }

  #change(change: Change): void {
    apply(this.#cache, change);
    this.#unsynced.push(change);
  }
}

function apply(bytes: SparseBytes, change: Change): void {
  switch (change.kind) {
    case "write":
      return bytes.write(change.bytes, change.position);
    case "zeros":
      return bytes.zero(change.position, change.length);
    case "truncate":
      return bytes.truncate(change.length);
  }
}

function startOf(change: Change): number {
  return change.kind === "truncate" ? change.length : change.position;
}

function endOf(change: Change): number {
  switch (change.kind) {
    case "write":
      return change.position + change.bytes.length;
    case "zeros":
      return change.position + change.length;
    case "truncate":
      return Number.POSITIVE_INFINITY;
  }
}

/** What a power loss leaves of a write: nothing, all, its first part, or some of its sectors. */
function leave(
  disk: SparseBytes,
  { bytes, position }: { readonly bytes: Uint8Array; readonly position: number },
  { random, tearing }: { readonly random: Random; readonly tearing: Tearing },
): void {
  const end = position + bytes.length;
  const outcome = randomBelow(random, 4);
  if (outcome === 0) return;
  if (outcome === 1) return disk.write(bytes, position);
  if (outcome === 2 || tearing === "bytes") {
    const cut = position + randomBelow(random, bytes.length + 1);
    const to = tearing === "bytes" ? cut : Math.floor(cut / SECTOR_BYTES) * SECTOR_BYTES;
    if (to > position) disk.write(bytes.subarray(0, to - position), position);
    return;
  }
  for (let from = position; from < end;) {
    const to = Math.min(end, (Math.floor(from / SECTOR_BYTES) + 1) * SECTOR_BYTES);
    if (randomBelow(random, 2) === 0)
      disk.write(bytes.subarray(from - position, to - position), from);
    from = to;
  }
}
