/**
 * Gives back what superseded versions take: blocks without living versions go, those with less than
 * half of them are written anew, of the others a list is kept (dead-list.ts). And puts small
 * neighbours together: where little is written, each batch makes a block of a few versions.
 *
 * One sweep goes through all blocks in order of revisions, a piece at a time; what some pieces change
 * is in one batch of the database, with the sum of all blocks.
 *
 * C1 the death of a version is on disk no later than that of later versions of its key: sweeps go
 *    upwards, and nothing is killed while one is under way. So no restart finds a put whose delete
 *    has gone.
 */
import { assert } from "@sagong/base";
import type { Backend } from "./backend.js";
import { BlockCopier } from "./block-copier.js";
import type { BlockDirectory, BlockEntry } from "./block-directory.js";
import { BLOCKS_CHECK_KEY } from "./blocks-check.js";
import {
  deadListChecksum,
  decodeDeadList,
  encodeDeadList,
  mergeRevisions,
  type Revisions,
} from "./dead-list.js";
import { BLOCK_BYTES } from "./open-block.js";
import { blockKey, KIND_DEAD, revisionKey } from "./revision.js";
import type { VersionBlock } from "./version-block.js";
import { newEntry, SMALL_BYTES, type VersionLog } from "./version-log.js";

/** Small blocks that make a sweep worth it. */
const SMALL_BLOCKS_MIN = 64;
/** Neighbours are put together where they fill half a block, or are so many. */
const RUN_BLOCKS_MIN = 32;
/** One rewriting takes at most so much: it is not interrupted. */
const RUN_BYTES_MAX = 4 * BLOCK_BYTES;
const RUN_BLOCKS_MAX = 256;
/** What looking at a block costs beside reading a version again, which is 1. */
const LOOK_COST = 0.05;
const LIST_COST = 10;

export class BlockCleaner {
  readonly #log: VersionLog;
  readonly #directory: BlockDirectory;
  readonly #backend: Backend;
  /** Where the sweep stands; undefined while there is none. */
  #at: number | undefined;
  /** Versions found dead and not swept yet. */
  #dying = 0;
  /** How many blocks there were when the last sweep ended. */
  #sweptBlocks = 0;

  constructor(log: VersionLog, backend: Backend) {
    this.#log = log;
    this.#directory = log.directory;
    this.#backend = backend;
  }

  get dyingCount(): number {
    return this.#dying;
  }

  get isSweeping(): boolean {
    return this.#at !== undefined;
  }

  /** Whether enough small blocks have come since the last sweep. */
  get wantsMerge(): boolean {
    return this.#log.smallBlocks >= SMALL_BLOCKS_MIN;
  }

  /** A version that nobody may read any more. Its block keeps it until a sweep comes. */
  kill(main: number, sub: number): void {
    assert(this.#at === undefined, "Cannot kill a version while a sweep is under way");
    const entry = this.#directory.at(this.#directory.find(main, sub));
    (entry.dying ??= []).push(main, sub);
    this.#dying++;
  }

  /**
   * Goes on with the sweep, or begins one: about as much as copying so many versions. True at its
   * end. What it has changed is committed by then, also where reading has failed in the middle.
   */
  sweep(versionsMax: number): boolean {
    const { check } = this.#log;
    this.#begin();
    const before = check.sum;
    try {
      return this.#goOn(versionsMax);
    } finally {
      if (check.sum !== before) this.#backend.put(BLOCKS_CHECK_KEY, check.encode());
      this.#backend.commit();
    }
  }

  #begin(): void {
    if (this.#at !== undefined) return;
    // What is dying in blocks that are open goes with this sweep as well. In a batch of its own: where
    // the sweep breaks off, the mark that counts on these blocks may be written all the same.
    if (this.#dying > 0) {
      this.#log.handOver();
      this.#backend.commit();
    }
    this.#at = this.#dying > 0 ? 0 : Math.max(0, this.#sweptBlocks - SMALL_BLOCKS_MIN);
  }

  #goOn(versionsMax: number): boolean {
    let cost = 0;
    let at = this.#at ?? 0;
    while (cost < versionsMax) {
      const end = this.#log.firstPending;
      if (at >= end) {
        this.#at = undefined;
        this.#sweptBlocks = end;
        this.#log.smallBlocks = 0;
        return true;
      }
      const step = this.#piece(at, end);
      at = step.next;
      cost += step.cost;
    }
    this.#at = at;
    return false;
  }

  #piece(at: number, end: number): { readonly next: number; readonly cost: number } {
    const entry = this.#directory.at(at);
    if (entry.dying) return this.#bury(at, entry);
    const to = this.#smallRun(at, end);
    if (to === at) return { next: at + 1, cost: LOOK_COST };
    return this.#rewrite(at, to);
  }

  /** Where a run of small blocks that begins here ends; here where it is not worth it. */
  #smallRun(from: number, end: number): number {
    let to = from;
    let bytes = 0;
    for (; to < end && to - from < RUN_BLOCKS_MAX && bytes < RUN_BYTES_MAX; to++) {
      const entry = this.#directory.at(to);
      const living = livingBytes(entry);
      if (living >= SMALL_BYTES || entry.dying) break;
      bytes += living;
    }
    const isWorth = to - from >= 2 && (bytes >= SMALL_BYTES || to - from >= RUN_BLOCKS_MIN);
    return isWorth ? to : from;
  }

  #bury(at: number, entry: BlockEntry): { readonly next: number; readonly cost: number } {
    const dying = entry.dying ?? [];
    const dead = entry.dead + dying.length / 2;
    if (dead < entry.count && 2 * dead <= entry.count) {
      const { main, sub } = entry.first;
      const before = this.#listOf(entry);
      const all = mergeRevisions(before ? decodeDeadList(entry.first, before) : [], dying);
      const list = encodeDeadList(entry.first, all);
      this.#backend.put(blockKey(main, sub, KIND_DEAD), list);
      const by = deadListChecksum(list) - (before ? deadListChecksum(before) : 0);
      entry.checksum += by;
      this.#log.check.change(by);
      this.#settle(entry);
      entry.dead = dead;
      return { next: at + 1, cost: LIST_COST };
    }
    return this.#rewrite(at, at + 1);
  }

  /** Those on the block's list. */
  #deadIn(entry: BlockEntry): Revisions {
    const list = this.#listOf(entry);
    return list ? decodeDeadList(entry.first, list) : [];
  }

  #listOf({ first, dead }: BlockEntry): Uint8Array | undefined {
    if (dead === 0) return undefined;
    // One that is not there is no list: damaged.
    return this.#backend.get(blockKey(first.main, first.sub, KIND_DEAD)) ?? new Uint8Array(0);
  }

  #settle(entry: BlockEntry): void {
    this.#dying -= (entry.dying?.length ?? 0) / 2;
    entry.dying = undefined;
  }

  /** Puts what lives in the blocks from `from` up to `to` into as few as it takes. */
  #rewrite(from: number, to: number): { readonly next: number; readonly cost: number } {
    const old: BlockEntry[] = [];
    for (let i = from; i < to; i++) old.push(this.#directory.at(i));
    const isHeld = old.every(({ held }) => held !== undefined);
    const copies = this.#copyLiving(old);
    for (const entry of old) this.#remove(entry);
    const fresh = copies.map((block) => newEntry(block.first, block));
    for (const [i, entry] of fresh.entries()) {
      const block = copies[i] as VersionBlock; // One for each entry.
      this.#backend.put(blockKey(entry.first.main, entry.first.sub), block.bytes);
      entry.checksum = block.checksum;
      this.#log.check.change(block.checksum);
      if (isHeld) this.#log.hold(entry, block);
      else entry.held = undefined;
    }
    this.#directory.replace(from, to, fresh);
    let cost = old.length;
    for (const { count } of fresh) cost += count;
    return { next: from + fresh.length, cost };
  }

  #copyLiving(entries: readonly BlockEntry[]): VersionBlock[] {
    const copier = new BlockCopier(this.#log.copies);
    for (const entry of entries) {
      const dead = mergeRevisions(this.#deadIn(entry), entry.dying ?? []);
      if (dead.length === 2 * entry.count) continue;
      const source = entry.held ?? this.#log.read(entry);
      let next = 0;
      for (let i = 0; i < entry.count; i++) {
        const revision = source.revisionAt(i);
        if (dead[next] === revision.main && dead[next + 1] === revision.sub) next += 2;
        else copier.add(source, i);
      }
    }
    return copier.finish();
  }

  #remove(entry: BlockEntry): void {
    const { main, sub } = entry.first;
    if (entry.isPair) this.#backend.delete(revisionKey(main, sub));
    else this.#backend.delete(blockKey(main, sub));
    if (entry.dead > 0) this.#backend.delete(blockKey(main, sub, KIND_DEAD));
    this.#log.check.change(-entry.checksum);
    this.#settle(entry);
    this.#log.release(entry);
  }
}

function livingBytes({ bytes, count, dead }: BlockEntry): number {
  return (bytes * (count - dead)) / count;
}
