/**
 * Builds the state in memory from what the database holds: the key index and leases from all pairs,
 * in order of keys, then what the applied mark says.
 *
 * LevelDB passes over damage in its own log without a word, and so over whole batches. They would be
 * missing on this member alone, for ever: hence the check that no revision is missing which no
 * compaction can have removed.
 */
import { MessageDecodeError } from "@sagong/rpc/message";
import { AppliedMark, LeaseRecord } from "../gen/store.js";
import { KeyValue } from "../gen/kv.js";
import type { Lessor } from "../lease/lessor.js";
import { APPLIED_MARK_KEY, SPACE_LEASE, SPACE_META, SPACE_REVISION } from "./backend.js";
import { toBinaryString } from "./binary-string.js";
import type { MvccStore } from "./mvcc-store.js";
import { type Revision, REVISION_KEY_BYTES, revisionOfKey } from "./revision.js";

/** Fed with every pair in order of keys, then finished. */
export class StoreLoader {
  readonly #store: MvccStore;
  readonly #lessor: Lessor;
  #mark: AppliedMark = AppliedMark.create({ revision: FIRST_REVISION - 1 });
  /** Of the last record that came, and of the last that did not although later ones did. */
  #lastRevision = FIRST_REVISION - 1;
  #lastMissing = 0;

  constructor(store: MvccStore, lessor: Lessor) {
    this.#store = store;
    this.#lessor = lessor;
  }

  /** Throws `DamagedDatabaseError`, as `finish` does. */
  load(pairs: Iterable<readonly [key: Uint8Array, value: Uint8Array]>): void {
    for (const [key, value] of pairs) {
      if (key[0] === SPACE_REVISION && key.length === REVISION_KEY_BYTES) this.#version(key, value);
      else if (key[0] === SPACE_LEASE) {
        // Leases sort before revisions: they are there when the keys that hang on them come.
        const { id, ttl } = LeaseRecord.decode(value);
        this.#lessor.grant(id, ttl, 0);
      } else if (key[0] === SPACE_META && key[1] === APPLIED_MARK_KEY[1]) {
        this.#mark = AppliedMark.decode(value);
      }
    }
  }

  finish(): AppliedMark {
    const { revision, compactRevision } = this.#mark;
    this.#checkRevisions(this.#mark);
    this.#store.restoreState({ revision, compactRevision });
    return this.#mark;
  }

  #version(key: Uint8Array, value: Uint8Array): void {
    const place = revisionOfKey(key);
    if (place.main > this.#lastRevision + 1) this.#lastMissing = place.main - 1;
    this.#lastRevision = place.main;
    const kv = decodeKeyValue(value, place);
    const name = toBinaryString(kv.key);
    this.#store.restoreVersion(name, kv, place);
    this.#lessor.attach(name, kv.version === 0 ? 0n : kv.lease);
  }

  #checkRevisions({ revision, compactRevision }: AppliedMark): void {
    if (this.#lastRevision > revision) {
      throw new DamagedDatabaseError(
        `it holds revision ${this.#lastRevision}, expected none after ${revision}`,
      );
    }
    const missing = this.#lastRevision < revision ? revision : this.#lastMissing;
    if (missing > compactRevision) {
      const first = Math.max(compactRevision + 1, FIRST_REVISION);
      throw new DamagedDatabaseError(
        `revision ${missing} is missing, expected all from ${first} to ${revision}`,
      );
    }
  }
}

/** What the database holds cannot be what was written. */
export class DamagedDatabaseError extends Error {
  override readonly name: string = "DamagedDatabaseError";

  constructor(why: string, options?: ErrorOptions) {
    super(`Cannot read the database: ${why}`, options);
  }
}

/** The empty store is at revision 1. */
const FIRST_REVISION = 2;

function decodeKeyValue(value: Uint8Array, { main, sub }: Revision): KeyValue {
  try {
    return KeyValue.decode(value);
  } catch (error) {
    if (!(error instanceof MessageDecodeError)) throw error;
    throw new DamagedDatabaseError(`revision ${main}.${sub}: ${error.message}`, { cause: error });
  }
}
