/**
 * Builds the state in memory from what the database holds: the key index and leases from all pairs,
 * in order of keys, then what the applied mark says.
 */
import { AppliedMark, LeaseRecord } from "../gen/store.js";
import { KeyValue } from "../gen/kv.js";
import type { Lessor } from "../lease/lessor.js";
import { APPLIED_MARK_KEY, SPACE_LEASE, SPACE_META, SPACE_REVISION } from "./backend.js";
import { toBinaryString } from "./binary-string.js";
import type { MvccStore } from "./mvcc-store.js";
import { REVISION_KEY_BYTES, revisionOfKey } from "./revision.js";

/** Fed with every pair in order of keys, then finished. */
export class StoreLoader {
  readonly #store: MvccStore;
  readonly #lessor: Lessor;
  #mark: AppliedMark = AppliedMark.create({ revision: 1 });

  constructor(store: MvccStore, lessor: Lessor) {
    this.#store = store;
    this.#lessor = lessor;
  }

  /** Throws `MessageDecodeError` where a pair cannot be read: the database is corrupt. */
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
    this.#store.restoreState({ revision, compactRevision });
    return this.#mark;
  }

  #version(key: Uint8Array, value: Uint8Array): void {
    const kv = KeyValue.decode(value);
    const name = toBinaryString(kv.key);
    this.#store.restoreVersion(name, kv, revisionOfKey(key));
    this.#lessor.attach(name, kv.version === 0 ? 0n : kv.lease);
  }
}
