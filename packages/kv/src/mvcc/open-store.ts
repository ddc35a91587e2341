/**
 * Builds the state in memory from what the database holds: the key index and leases from all pairs,
 * in order of keys, then what the applied mark says.
 *
 * LevelDB passes over damage in its own log without a word, and so over whole batches. They would be
 * missing on this member alone, for ever: hence the checks that no revision is missing which no
 * compaction can have removed, and that leases and blocks are those that were written.
 */
import { toHex } from "@sagong/base";
import { MessageDecodeError } from "@sagong/rpc/message";
import { AppliedMark, LeaseRecord } from "../gen/store.js";
import type { Lessor } from "../lease/lessor.js";
import {
  APPLIED_MARK_KEY,
  SPACE_BLOCK,
  SPACE_LEASE,
  SPACE_META,
  SPACE_REVISION,
} from "./backend.js";
import { BLOCKS_CHECK_KEY, readBlocksCheck } from "./blocks-check.js";
import { DamagedDatabaseError } from "./damaged-database-error.js";
import type { MvccStore } from "./mvcc-store.js";
import { BLOCK_KEY_BYTES, KIND_DEAD, type Revision, revisionOfKey } from "./revision.js";
import { RevisionRuns } from "./revision-runs.js";
import { openSealed } from "./sealed-value.js";
import type { VersionHead } from "./version-bytes.js";

export { DamagedDatabaseError };

/** Fed with every pair in order of keys, then finished. */
export class StoreLoader {
  readonly #store: MvccStore;
  readonly #lessor: Lessor;
  #mark: AppliedMark = AppliedMark.create({ revision: FIRST_REVISION - 1 });
  /** Of those that no compaction can have removed. */
  readonly #revisions = new RevisionRuns();
  /** Of dead versions; it comes right before its block. */
  #list: Uint8Array | undefined;
  /** Undefined in a database of before there was one. */
  #blocksSum: number | undefined;

  constructor(store: MvccStore, lessor: Lessor) {
    this.#store = store;
    this.#lessor = lessor;
  }

  /** Throws `DamagedDatabaseError`, as `finish` does. */
  load(pairs: Iterable<readonly [key: Uint8Array, value: Uint8Array]>): void {
    for (const [key, value] of pairs) {
      if (key[0] === SPACE_BLOCK) this.#block(key, value);
      else if (key[0] === SPACE_REVISION) this.#pair(revisionOfKey(key), value);
      else if (key[0] === SPACE_LEASE) {
        // Leases sort before revisions: they are there when the keys that hang on them come.
        const { id, ttl } = openSealed(
          [key, value],
          () => `lease ${toHex(key.subarray(1))}`,
          LeaseRecord,
        );
        this.#lessor.grant(id, ttl, 0);
      } else if (key[0] === SPACE_META && key[1] === APPLIED_MARK_KEY[1]) {
        // It also sorts before them.
        this.#mark = readMark(value);
      } else if (key[0] === SPACE_META && key[1] === BLOCKS_CHECK_KEY[1]) {
        this.#blocksSum = readBlocksCheck(value);
      }
    }
  }

  finish(): AppliedMark {
    const { revision, compactRevision } = this.#mark;
    this.#checkRevisions(this.#mark);
    this.#checkLeases(this.#mark);
    this.#checkBlocks();
    this.#store.restoreState({ revision, compactRevision });
    return this.#mark;
  }

  #block(key: Uint8Array, bytes: Uint8Array): void {
    const first = revisionOfKey(key);
    if (key[BLOCK_KEY_BYTES - 1] === KIND_DEAD) {
      this.#list = bytes;
      return;
    }
    const list = this.#list;
    this.#list = undefined;
    this.#store.log.restoreBlock(first, { bytes, list }, (place, head) =>
      this.#version(place, head),
    );
  }

  #pair(place: Revision, bytes: Uint8Array): void {
    try {
      this.#store.log.restorePair(place, bytes, (_place, head) => this.#version(place, head));
    } catch (error) {
      if (!(error instanceof MessageDecodeError)) throw error;
      const why = `revision ${place.main}.${place.sub}: ${error.message}`;
      throw new DamagedDatabaseError(why, { cause: error });
    }
  }

  #version(place: Revision, head: VersionHead): void {
    if (place.main > this.#mark.compactRevision) this.#revisions.add(place.main);
    const key = this.#store.restoreVersion(place, head);
    if (key === undefined || this.#lessor.size === 0) return;
    this.#lessor.attach(key, head.version === 0 ? 0n : head.lease);
  }

  /** A batch that granted or ended a lease may hold no revision. */
  #checkLeases({ leasesCheck }: AppliedMark): void {
    if (leasesCheck === 0 || leasesCheck === this.#lessor.check) return;
    throw new DamagedDatabaseError(
      `it holds ${this.#lessor.size} leases that are not those of its applied mark`,
    );
  }

  /** What is missing may be of revisions that a compaction could have removed, and has not. */
  #checkBlocks(): void {
    const { sum } = this.#store.log.check;
    if (this.#blocksSum === undefined || this.#blocksSum === sum) return;
    throw new DamagedDatabaseError(
      `its blocks of versions are not those that were written: they add up to ${sum}, expected ${this.#blocksSum}`,
    );
  }

  #checkRevisions({ revision, compactRevision }: AppliedMark): void {
    const { last } = this.#revisions;
    if (last > revision) {
      throw new DamagedDatabaseError(`it holds revision ${last}, expected none after ${revision}`);
    }
    const first = Math.max(compactRevision + 1, FIRST_REVISION);
    const missing = this.#revisions.missing(first, revision);
    if (missing !== undefined) {
      throw new DamagedDatabaseError(
        `revision ${missing} is missing, expected all from ${first} to ${revision}`,
      );
    }
  }
}

/** Throws `DamagedDatabaseError`. */
export function readMark(value: Uint8Array): AppliedMark {
  return openSealed([APPLIED_MARK_KEY, value], () => "the applied mark", AppliedMark);
}

/** The empty store is at revision 1. */
const FIRST_REVISION = 2;
