/**
 * Which blocks there are, in order of revisions: what is needed to find a version's block, and to see
 * which blocks are worth a clean-up. The blocks' bytes are elsewhere, but for those that are held.
 */
import type { OpenBlock } from "./open-block.js";
import type { Revision } from "./revision.js";
import type { VersionSource } from "./version-block.js";

export interface BlockEntry {
  readonly first: Revision;
  /** Versions in it, and those of them that its list of dead ones names. */
  count: number;
  dead: number;
  /** On disk; of an open one, so far. */
  bytes: number;
  /** Of the block and its list, as the database has them: their share in `BlocksCheck`. */
  checksum: number;
  /** A pair of the old layout. */
  readonly isPair: boolean;
  /** In memory; undefined where it must be read. */
  held: VersionSource | undefined;
  /** Asked for since the cache last looked. */
  isUsed: boolean;
  /** Set until it is given to the database. */
  open: OpenBlock | undefined;
  /** Mains and subs in turn: superseded by a compaction, and not on the list yet. */
  dying: number[] | undefined;
}

export class BlockDirectory {
  #mains: Float64Array = new Float64Array(1024);
  readonly #entries: BlockEntry[] = [];

  get size(): number {
    return this.#entries.length;
  }

  at(index: number): BlockEntry {
    return this.#entries[index] as BlockEntry; // Callers have the index from this object.
  }

  append(entry: BlockEntry): void {
    const size = this.#entries.length;
    if (size === this.#mains.length) this.#grow(2 * size);
    this.#mains[size] = entry.first.main;
    this.#entries.push(entry);
  }

  /** Index of the last block that begins at or before a revision; -1 where there is none. */
  find(main: number, sub: number): number {
    const mains = this.#mains;
    let [low, high] = [0, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const first = mains[middle] as number; // In range.
      if (first < main || (first === main && this.at(middle).first.sub <= sub)) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Puts `fresh` in the place of those from `from` up to `to`. */
  replace(from: number, to: number, fresh: readonly BlockEntry[]): void {
    const size = this.#entries.length;
    const grown = size + fresh.length - (to - from);
    if (grown > this.#mains.length) this.#grow(2 * grown);
    this.#mains.copyWithin(from + fresh.length, to, size);
    for (const [i, entry] of fresh.entries()) this.#mains[from + i] = entry.first.main;
    this.#entries.splice(from, to - from, ...fresh);
  }

  /** After entries came in another order than that of revisions: a database half moved to blocks. */
  sort(): void {
    if (this.#entries.every(({ first }, i) => i === 0 || isBefore(this.at(i - 1).first, first)))
      return;
    this.#entries.sort((a, b) => a.first.main - b.first.main || a.first.sub - b.first.sub);
    for (const [i, entry] of this.#entries.entries()) this.#mains[i] = entry.first.main;
  }

  #grow(length: number): void {
    const grown = new Float64Array(length);
    grown.set(this.#mains.subarray(0, this.#entries.length));
    this.#mains = grown;
  }
}

function isBefore(a: Revision, b: Revision): boolean {
  return a.main < b.main || (a.main === b.main && a.sub < b.sub);
}
