/**
 * The multi-version key-value state: an index of all keys in memory, values in the backend by
 * revision. One writer (the apply loop), synchronous reads at any kept revision.
 *
 * M1 currentRevision grows by one for each transaction that changed something, and only then.
 * M2 compactRevision <= currentRevision; reads below it are refused, reads at it are not.
 * M3 what a compaction keeps depends on its revision alone, not on when it is carried out: members
 *    at the same revisions have the same hash however far their clean-up has come.
 */
import { crc32c } from "@sagong/base";
import { StoreError } from "../apply/store-error.js";
import { EventType, KeyValue } from "../gen/kv.js";
import type { Backend } from "./backend.js";
import { type Change, StoredChange } from "./change.js";
import { fromBinaryString, toBinaryString } from "./binary-string.js";
import type { KeyHistory } from "./key-history.js";
import { KeyIndex, type KeyRange } from "./key-index.js";
import { revisionKey } from "./revision.js";
import { ValueCache } from "./value-cache.js";

export interface MvccState {
  readonly revision: number;
  readonly compactRevision: number;
}

export interface HashResult {
  readonly hash: number;
  readonly revision: number;
  readonly compactRevision: number;
}

/** Keys that a step of a long walk looks at before it lets others run. */
const STEP_KEYS = 1_000;

export class MvccStore {
  readonly index: KeyIndex = new KeyIndex();
  readonly #backend: Backend;
  readonly #cache: ValueCache = new ValueCache();
  #revision = 1;
  #compactRevision = 0;
  /** The key that the clean-up goes on behind; undefined where none is under way. */
  #compactCursor: string | undefined;
  #sub = 0;
  #changes: Change[] = [];

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  get revision(): number {
    return this.#revision;
  }

  get compactRevision(): number {
    return this.#compactRevision;
  }

  // ── Opening ──────────────────────────────────────────────────────────────────────────────────

  /** Takes up one stored version; in order of revisions, all of them, before anything else. */
  restoreVersion(
    key: string,
    value: KeyValue,
    place: { readonly main: number; readonly sub: number },
  ): void {
    const history = this.index.getOrCreate(key);
    if (value.version === 0) history.delete(place.main, place.sub);
    else {
      history.put(place.main, place.sub);
      // Earlier versions may be compacted away: the record knows better.
      history.created = value.createRevision;
      history.version = value.version;
    }
  }

  restoreState({ revision, compactRevision }: MvccState): void {
    this.#revision = revision;
    this.#compactRevision = compactRevision;
    // A clean-up that a restart interrupted begins again; what it has done is not there any more.
    if (compactRevision > 0) this.#compactCursor = "";
  }

  /**
   * Becomes what `other` is, which was loaded from the image that has replaced the database. At
   * once, so that no reader meets a store that is half loaded.
   */
  adopt(other: MvccStore): void {
    this.index.adopt(other.index);
    this.#cache.clear();
    this.#revision = other.#revision;
    this.#compactRevision = other.#compactRevision;
    this.#compactCursor = other.#compactCursor;
  }

  // ── Reading ──────────────────────────────────────────────────────────────────────────────────

  /** The revision to read at. Throws `StoreError` where it is compacted or in the future. */
  readRevision(asked: number): number {
    if (asked <= 0) return this.#revision;
    if (asked > this.#revision) throw new StoreError("futureRevision");
    if (asked < this.#compactRevision) throw new StoreError("compacted");
    return asked;
  }

  /** The pair as it was at `revision`; undefined where there was none. */
  getAt(history: KeyHistory, revision: number): KeyValue | undefined {
    const at = history.positionAt(revision);
    if (at < 0 || history.isDeleteAt(at)) return undefined;
    return this.valueAt(history, at);
  }

  get(key: string, revision: number = this.#revision): KeyValue | undefined {
    const history = this.index.get(key);
    return history && this.getAt(history, revision);
  }

  valueAt(history: KeyHistory, position: number): KeyValue {
    return KeyValue.decode(this.#bytesAt(history, position));
  }

  #bytesAt(history: KeyHistory, position: number): Uint8Array {
    const main = history.mainAt(position);
    const sub = history.subAt(position);
    const cached = this.#cache.get(main, sub);
    if (cached) return cached;
    const bytes = this.#backend.get(revisionKey(main, sub));
    if (!bytes)
      throw new Error(`The database lacks the value of revision ${main}.${sub}: it is corrupt`);
    this.#cache.set(main, sub, bytes);
    return bytes;
  }

  /** Keys in `range` that exist at `revision`. `visit` returns true to stop. */
  forEachAt(
    range: KeyRange,
    revision: number,
    visit: (key: string, history: KeyHistory, position: number) => boolean | void,
  ): void {
    this.index.forEach(range, (key, history) => {
      const at = history.positionAt(revision);
      if (at < 0 || history.isDeleteAt(at)) return false;
      return visit(key, history, at);
    });
  }

  /** The changes of `range` from revision `from` to `to`, in order. */
  changesBetween(
    range: KeyRange,
    { from, to }: { readonly from: number; readonly to: number },
  ): Change[] {
    const found: { main: number; sub: number; key: string; history: KeyHistory; at: number }[] = [];
    this.index.forEach(range, (key, history) => {
      for (let at = history.positionAt(to); at >= 0; at -= 2) {
        const main = history.mainAt(at);
        if (main < from) break;
        found.push({ main, sub: history.subAt(at), key, history, at });
      }
    });
    found.sort((a, b) => a.main - b.main || a.sub - b.sub);
    return found.map(({ main, key, history, at }) => {
      const type = history.isDeleteAt(at) ? EventType.DELETE : EventType.PUT;
      return new StoredChange(key, { type, revision: main }, this.#bytesAt(history, at));
    });
  }

  /** All changes of one revision, in order; it must not be compacted away. */
  changesAt(revision: number): Change[] {
    const changes: Change[] = [];
    for (let sub = 0; ; sub++) {
      const bytes = this.#cache.get(revision, sub) ?? this.#backend.get(revisionKey(revision, sub));
      if (!bytes) return changes;
      const { key, version } = KeyValue.decode(bytes);
      const type = version === 0 ? EventType.DELETE : EventType.PUT;
      changes.push(new StoredChange(toBinaryString(key), { type, revision }, bytes));
    }
  }

  /** The pair's wire form right before `revision`; undefined where there was none, or no more. */
  bytesBefore(key: string, revision: number): Uint8Array | undefined {
    if (revision - 1 < this.#compactRevision) return undefined;
    const history = this.index.get(key);
    const at = history ? history.positionAt(revision - 1) : -1;
    if (!history || at < 0 || history.isDeleteAt(at)) return undefined;
    return this.#bytesAt(history, at);
  }

  // ── Writing: one transaction at a time, all of it in one turn ────────────────────────────────

  /** The main revision of what is being written now. */
  get writeRevision(): number {
    return this.#revision + 1;
  }

  put(
    key: string,
    change: { readonly keyBytes: Uint8Array; readonly value: Uint8Array; readonly lease: bigint },
  ): void {
    const history = this.index.getOrCreate(key);
    const main = this.writeRevision;
    const sub = this.#sub++;
    history.put(main, sub);
    const kv: KeyValue = {
      key: change.keyBytes,
      createRevision: history.created,
      modRevision: main,
      version: history.version,
      value: change.value,
      lease: change.lease,
    };
    this.#write(key, { type: EventType.PUT, kv }, sub);
  }

  /** `history` must be of a key that exists. */
  delete(key: string, history: KeyHistory): void {
    const main = this.writeRevision;
    const sub = this.#sub++;
    history.delete(main, sub);
    const kv = KeyValue.create({ key: fromBinaryString(key), modRevision: main });
    this.#write(key, { type: EventType.DELETE, kv }, sub);
  }

  /** Ends the transaction; returns its changes. A transaction without changes leaves no trace. */
  endTransaction(): readonly Change[] {
    const changes = this.#changes;
    if (changes.length > 0) {
      this.#revision++;
      this.#changes = [];
      this.#sub = 0;
    }
    return changes;
  }

  get hasChanges(): boolean {
    return this.#changes.length > 0;
  }

  #write(
    key: string,
    { type, kv }: { readonly type: number; readonly kv: KeyValue },
    sub: number,
  ): void {
    // Encoded once: database, cache and watchers share these bytes. None of them keeps a view into
    // the log entry, which is part of something much larger.
    const bytes = KeyValue.encode(kv);
    this.#backend.put(revisionKey(kv.modRevision, sub), bytes);
    this.#cache.set(kv.modRevision, sub, bytes);
    this.#changes.push(new StoredChange(key, { type, revision: kv.modRevision }, bytes));
  }

  // ── Compaction ───────────────────────────────────────────────────────────────────────────────

  /** Throws `StoreError`. The clean-up is left to `compactStep`. */
  compact(revision: number): void {
    if (revision <= this.#compactRevision) throw new StoreError("compacted");
    if (revision > this.#revision) throw new StoreError("futureRevision");
    this.#compactRevision = revision;
    this.#compactCursor = "";
  }

  get isCompacting(): boolean {
    return this.#compactCursor !== undefined;
  }

  /**
   * Removes superseded versions of at most `maxKeys` keys; true where that was the last of them.
   * The caller commits the backend's batch.
   */
  compactStep(maxKeys: number): boolean {
    const start = this.#compactCursor;
    if (start === undefined) return true;
    const revision = this.#compactRevision;
    let last = "";
    let seen = 0;
    const empty: string[] = [];
    this.index.forEach({ start, end: undefined }, (key, history) => {
      if (seen++ >= maxKeys) return true;
      last = key;
      this.#dropBefore(history, history.keepFrom(revision));
      if (history.isEmpty) empty.push(key);
      return false;
    });
    for (const key of empty) this.index.delete(key);
    this.#compactCursor = seen > maxKeys ? `${last}\0` : undefined;
    return this.#compactCursor === undefined;
  }

  #dropBefore(history: KeyHistory, position: number): void {
    if (position === 0) return;
    for (let at = 0; at < position; at += 2) {
      const [main, sub] = [history.mainAt(at), history.subAt(at)];
      this.#backend.delete(revisionKey(main, sub));
      this.#cache.delete(main, sub);
    }
    history.revisions = history.revisions.slice(position);
  }

  // ── Hashing ──────────────────────────────────────────────────────────────────────────────────

  /**
   * CRC-32C over every version that is kept at `revision`, in order of keys; equal on members with
   * equal revision and compactRevision. A generator that pauses now and then: the caller lets
   * others run meanwhile. Throws `StoreError` where a compaction overtakes it.
   */
  *hash(asked: number): Generator<undefined, HashResult> {
    const revision = this.readRevision(asked);
    const compactRevision = this.#compactRevision;
    let hash = 0;
    let next: string | undefined = "";
    while (next !== undefined) {
      const start: string = next;
      next = undefined;
      let seen = 0;
      this.index.forEach({ start, end: undefined }, (key, history) => {
        if (seen++ >= STEP_KEYS) {
          next = key;
          return true;
        }
        for (let at = history.keepFrom(compactRevision); at < history.revisions.length; at += 2) {
          const main = history.mainAt(at);
          if (main > revision) break;
          hash = crc32c(revisionKey(main, history.subAt(at)), hash);
          hash = crc32c(this.#bytesAt(history, at), hash);
        }
        return false;
      });
      yield undefined;
      if (this.#compactRevision !== compactRevision) throw new StoreError("compacted");
    }
    return { hash, revision, compactRevision };
  }
}
