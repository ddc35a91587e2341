/**
 * The multi-version key-value state: an index of all keys in memory, values in the backend in blocks
 * by revision. One writer (the apply loop), synchronous reads at any kept revision.
 *
 * M1 currentRevision grows by one for each transaction that changed something, and only then.
 * M2 compactRevision <= currentRevision; reads below it are refused, reads at it are not.
 * M3 what a compaction keeps depends on its revision alone, not on when it is carried out: members
 *    at the same revisions have the same hash however far their clean-up has come.
 */
import { crc32c, EMPTY_BYTES } from "@sagong/base";
import { StoreError } from "../apply/store-error.js";
import { EventType, KeyValue } from "../gen/kv.js";
import type { Backend } from "./backend.js";
import { toBinaryString } from "./binary-string.js";
import { BlockCleaner } from "./block-cleaner.js";
import { type Change, changeType, StoredChange } from "./change.js";
import { IndexWalk } from "./index-walk.js";
import type { KeyHistory } from "./key-history.js";
import { contains, isSingleKey, KeyIndex, type KeyRange } from "./key-index.js";
import { type Revision, revisionKey } from "./revision.js";
import { type Version, VersionHead } from "./version-bytes.js";
import { VersionLog, type VersionPlace } from "./version-log.js";

export interface MvccState {
  readonly revision: number;
  readonly compactRevision: number;
}

export interface HashResult {
  readonly hash: number;
  readonly revision: number;
  readonly compactRevision: number;
}

/** Bytes of versions that one step of a hash looks at before it lets others run. */
const HASH_STEP_BYTES = 256 * 1024;
/** Superseded versions that wait for a sweep, at most: more, and the walk waits for one. */
const DYING_MAX = 250_000;

export class MvccStore {
  readonly index: KeyIndex = new KeyIndex();
  #log: VersionLog;
  #cleaner: BlockCleaner;
  readonly #walk: IndexWalk;
  #revision = 1;
  #compactRevision = 0;
  /** Revisions that are being read from in steps, and by how many. */
  readonly #pins = new Map<number, number>();
  /** How often an image has taken the place of what was here. */
  #loads = 0;
  #sub = 0;
  #changes: Change[] = [];

  /** `heldBytesMax`: of versions in memory, instead of its own choice. */
  constructor(backend: Backend, heldBytesMax?: number) {
    this.#log = new VersionLog(backend, heldBytesMax);
    this.#cleaner = new BlockCleaner(this.#log, backend);
    this.#walk = new IndexWalk({
      index: this.index,
      revision: () => this.#compactRevision,
      kill: (main, sub) => this.#cleaner.kill(main, sub),
    });
  }

  get revision(): number {
    return this.#revision;
  }

  get compactRevision(): number {
    return this.#compactRevision;
  }

  // ── Opening ──────────────────────────────────────────────────────────────────────────────────

  /** Where blocks and pairs of the database are taken up: all of them, before anything else. */
  get log(): VersionLog {
    return this.#log;
  }

  /** Takes up one stored version. Gives its key where it is the key's latest so far. */
  restoreVersion(place: Revision, head: VersionHead): string | undefined {
    const history = this.index.restore(head.bytes, { start: head.keyStart, end: head.keyEnd });
    return history.restore(place, head) ? history.key : undefined;
  }

  restoreState({ revision, compactRevision }: MvccState): void {
    this.#revision = revision;
    this.#compactRevision = compactRevision;
    this.#log.finishRestore();
    this.index.finishRestore();
    // A clean-up that a restart interrupted begins again; what it has done is not there any more.
    if (compactRevision > 0) this.#walk.start();
  }

  /**
   * Becomes what `other` is, which was loaded from the image that has replaced the database. At
   * once, so that no reader meets a store that is half loaded.
   */
  adopt(other: MvccStore): void {
    this.index.adopt(other.index);
    this.#log = other.#log;
    this.#cleaner = other.#cleaner;
    this.#revision = other.#revision;
    this.#compactRevision = other.#compactRevision;
    this.#loads++;
    this.#walk.restart();
  }

  get loads(): number {
    return this.#loads;
  }

  // ── Reading ──────────────────────────────────────────────────────────────────────────────────

  /** The revision to read at. Throws `StoreError` where it is compacted or in the future. */
  readRevision(asked: number): number {
    if (asked <= 0) return this.#revision;
    if (asked > this.#revision) throw new StoreError("futureRevision");
    if (asked < this.#compactRevision) throw new StoreError("compacted");
    return asked;
  }

  /** Whether nothing was written after `revision`: then the index shows it without its histories. */
  isPresent(revision: number): boolean {
    return revision > this.#revision || (revision === this.#revision && !this.hasChanges);
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
    return KeyValue.decode(this.bytesAt(history, position));
  }

  /** The wire form of the pair, as it is stored: a view that must not be written to. */
  bytesAt(history: KeyHistory, position: number): Uint8Array {
    return this.#log.bytesAt(history.mainAt(position), history.subAt(position));
  }

  /**
   * Keeps what is there at `revision`, also where it is compacted meanwhile, until the function that
   * is returned is called: for reads in steps.
   */
  pin(revision: number): () => void {
    this.#pins.set(revision, (this.#pins.get(revision) ?? 0) + 1);
    return () => {
      const count = (this.#pins.get(revision) ?? 1) - 1;
      if (count > 0) this.#pins.set(revision, count);
      else this.#pins.delete(revision);
    };
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

  /** The changes of `range` from revision `from` to `to`, in order; `from` must not be compacted. */
  changesBetween(
    range: KeyRange,
    { from, to }: { readonly from: number; readonly to: number },
  ): Change[] {
    if (isSingleKey(range)) return this.#changesOfKey(range.start, { from, to });
    const changes: Change[] = [];
    this.#log.forEachBetween({ from, to }, ({ main }, place) => {
      const change = changeAt(main, place);
      if (contains(range, change.key)) changes.push(change);
    });
    return changes;
  }

  #changesOfKey(
    key: string,
    { from, to }: { readonly from: number; readonly to: number },
  ): Change[] {
    const changes: Change[] = [];
    const history = this.index.get(key);
    if (history === undefined) return changes;
    for (let at = history.positionAt(to); at >= 0 && history.mainAt(at) >= from; at--) {
      const revision = history.mainAt(at);
      const type = history.isDeleteAt(at) ? EventType.DELETE : EventType.PUT;
      const place = this.#log.placeOf(revision, history.subAt(at));
      changes.push(new StoredChange(key, { type, revision }, place));
    }
    return changes.toReversed();
  }

  /** All changes of one revision, in order; it must not be compacted away. */
  changesAt(revision: number): Change[] {
    const changes: Change[] = [];
    this.#log.forEachBetween({ from: revision, to: revision }, ({ main }, place) => {
      changes.push(changeAt(main, place));
    });
    return changes;
  }

  /** The pair's wire form right before `revision`; undefined where there was none, or no more. */
  bytesBefore(key: string, revision: number): Uint8Array | undefined {
    if (revision - 1 < this.#compactRevision) return undefined;
    const history = this.index.get(key);
    const at = history ? history.positionAt(revision - 1) : -1;
    if (!history || at < 0 || history.isDeleteAt(at)) return undefined;
    return this.bytesAt(history, at);
  }

  // ── Writing: one transaction at a time, all of it in one turn ────────────────────────────────

  /** The main revision of what is being written now. */
  get writeRevision(): number {
    return this.#revision + 1;
  }

  put(key: string, { value, lease }: { readonly value: Uint8Array; readonly lease: bigint }): void {
    const modRevision = this.writeRevision;
    const sub = this.#sub++;
    const history = this.index.put(key, { main: modRevision, sub });
    const { created: createRevision, version } = history;
    this.#write({ key, createRevision, modRevision, version, value, lease }, sub);
  }

  /** `history` must be of a key that exists. */
  delete(key: string, history: KeyHistory): void {
    const modRevision = this.writeRevision;
    const sub = this.#sub++;
    this.index.markDeleted(history, { main: modRevision, sub });
    const none = { createRevision: 0, version: 0, value: EMPTY_BYTES, lease: 0n };
    this.#write({ key, modRevision, ...none }, sub);
  }

  #write(version: Version, sub: number): void {
    const place = this.#log.append(version, sub);
    const { key, modRevision: revision } = version;
    this.#changes.push(
      new StoredChange(key, { type: changeType(version.version), revision }, place),
    );
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

  // ── Compaction ───────────────────────────────────────────────────────────────────────────────

  /** Throws `StoreError`. The clean-up is left to `compactStep`. */
  compact(revision: number): void {
    if (revision <= this.#compactRevision) throw new StoreError("compacted");
    if (revision > this.#revision) throw new StoreError("futureRevision");
    this.#compactRevision = revision;
    this.#walk.start();
  }

  /** Whether superseded versions may still take room. */
  get isCompacting(): boolean {
    return this.#walk.isUnderWay || this.#cleaner.dyingCount > 0;
  }

  /** Whether `compactStep` has something to do: a compaction's clean-up, or blocks to put together. */
  get wantsCleanUp(): boolean {
    return this.isCompacting || this.#cleaner.isSweeping || this.#cleaner.wantsMerge;
  }

  /** Whether a read in steps needs what the clean-up would remove. */
  get isCleanUpHeld(): boolean {
    for (const revision of this.#pins.keys()) if (revision < this.#compactRevision) return true;
    return false;
  }

  /**
   * Goes on with the clean-up: about as much as copying so many versions. True where nothing is left
   * to do. The caller commits the backend's batch; and asks again later where the clean-up is held.
   */
  compactStep(versionsMax: number): boolean {
    const isWalkNext =
      this.#walk.isUnderWay && !this.#cleaner.isSweeping && this.#cleaner.dyingCount < DYING_MAX;
    if (isWalkNext && this.isCleanUpHeld) return false;
    if (isWalkNext) this.#walk.step(versionsMax);
    else if (this.wantsCleanUp) this.#cleaner.sweep(versionsMax);
    return !this.wantsCleanUp;
  }

  // ── Hashing ──────────────────────────────────────────────────────────────────────────────────

  /**
   * CRC-32C over every version that is kept at `revision`, in order of revisions; equal on members with
   * equal revision and compactRevision. A generator that pauses now and then: the caller lets
   * others run meanwhile. Throws `StoreError` where a compaction overtakes it.
   */
  *hash(asked: number): Generator<undefined, HashResult> {
    const revision = this.readRevision(asked);
    const compactRevision = this.#compactRevision;
    let hash = 0;
    let bytes = 0;
    let next: Revision = { main: 0, sub: 0 };
    for (;;) {
      // Asked for anew after each pause: a clean-up may have put blocks together meanwhile.
      const source = this.#log.blockFrom(next);
      if (source === undefined || source.revisionAt(0).main > revision) break;
      for (let i = 0; i < source.count; i++) {
        const { main, sub } = source.revisionAt(i);
        if (main > revision) break;
        if (main < next.main || (main === next.main && sub < next.sub)) continue;
        next = { main, sub: sub + 1 };
        const version = source.at(i);
        bytes += version.length;
        if (!this.#isKept(version, { main, sub }, compactRevision)) continue;
        hash = crc32c(revisionKey(main, sub), hash);
        hash = crc32c(version, hash);
      }
      if (source.revisionAt(source.count - 1).main > revision) break;
      if (bytes < HASH_STEP_BYTES) continue;
      bytes = 0;
      yield undefined;
      if (this.#compactRevision !== compactRevision) throw new StoreError("compacted");
    }
    return { hash, revision, compactRevision };
  }

  /** Whether a version that lies in a block is there for readers, and not given up by a compaction. */
  #isKept(version: Uint8Array, { main, sub }: Revision, compactRevision: number): boolean {
    const head = new VersionHead(version);
    head.read(0, version.length);
    const history = this.index.get(this.index.textOf(head.key));
    const at = history?.positionAt(main) ?? -1;
    if (!history || at < 0 || history.mainAt(at) !== main || history.subAt(at) !== sub)
      return false;
    return at >= history.keepFrom(compactRevision);
  }
}

function changeAt(revision: number, place: VersionPlace): Change {
  const bytes = place.source.at(place.position);
  const head = new VersionHead(bytes);
  head.read(0, bytes.length);
  const key = toBinaryString(head.key);
  return new StoredChange(key, { type: changeType(head.version), revision }, place);
}
