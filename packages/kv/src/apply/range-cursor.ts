/**
 * A range whose answer is made of the stored bytes: a version as it is stored is the wire form of an
 * mvccpb.KeyValue, so nothing is decoded, and only small ones are copied. It goes in steps, all at
 * the revision it began with, so that the event loop is left to others in between.
 *
 *     const cursor = openRange(store, request);         undefined: sorted or filtered, see range()
 *     while (!cursor.step()) await others();            the caller says how many at a time
 *     return cursor.finish(header);                     an EncodedMessage
 *
 * R1 what a step sees is the state at the cursor's revision, whatever is written or compacted
 *    meanwhile: the revision is pinned, from the first step that is not the last.
 * R2 `count` is exact: of the present state by the index, of an older one by a visit to each key.
 */
import { EncodedMessage } from "@sagong/rpc/message";
import {
  type RangeRequest,
  RangeResponse,
  type ResponseHeader,
  SortOrder,
  SortTarget,
} from "../gen/rpc.js";
import type { KeyHistory } from "../mvcc/key-history.js";
import { isSingleKey, type KeyRange, keyRange } from "../mvcc/key-index.js";
import type { MvccStore } from "../mvcc/mvcc-store.js";
import { VersionHead, writeVarint } from "../mvcc/version-bytes.js";
import { CHUNK_BYTES, type ChunkPool } from "./chunk-pool.js";
import { StoreError } from "./store-error.js";

/** What a step looks at, and what it puts into the answer, before it ends: a fifth of a millisecond. */
const STEP_KEYS = 256;
const STEP_BYTES = 256 * 1024;
/** Most ranges are small. */
const FIRST_CHUNK_BYTES = 4 * 1024;
/** Larger pairs are parts of their own. */
const COPIED_BYTES_MAX = 16 * 1024;
/** Field 2 of RangeResponse, a message, with its length. */
const TAG_KVS = (2 << 3) | 2;
const FIELD_BYTES_MAX = 6;

/**
 * Throws `StoreError`. Undefined for a request that sorts or filters: its pairs must be decoded.
 * With a pool, the answer is to be sent once, by who tells it when it is.
 */
export function openRange(
  store: MvccStore,
  request: RangeRequest,
  pool?: ChunkPool,
): RangeCursor | undefined {
  return isPlain(request) ? new RangeCursor(store, request, pool) : undefined;
}

function isPlain(request: RangeRequest): boolean {
  return (
    request.minModRevision === 0 &&
    request.maxModRevision === 0 &&
    request.minCreateRevision === 0 &&
    request.maxCreateRevision === 0 &&
    request.sortTarget === SortTarget.KEY &&
    request.sortOrder !== SortOrder.DESCEND
  );
}

export class RangeCursor {
  readonly #store: MvccStore;
  readonly #range: KeyRange;
  readonly #keysOnly: boolean;
  readonly #revision: number;
  /** Pairs that are wanted. */
  readonly #limit: number;
  /** Known from the beginning where the revision is the present one. */
  readonly #knownCount: number | undefined;
  /** Where the next step begins; undefined at the end. */
  #next: string | undefined;
  #count = 0;
  #taken = 0;
  #unpin: (() => void) | undefined;
  readonly #loads: number;
  readonly #pool: ChunkPool | undefined;
  /** Of the pool. */
  readonly #lent: Uint8Array[] = [];
  readonly #parts: Uint8Array[] = [];
  #chunk: Uint8Array = new Uint8Array(0);
  #used = 0;
  #stepBytes = 0;

  constructor(store: MvccStore, request: RangeRequest, pool?: ChunkPool) {
    this.#store = store;
    this.#pool = pool;
    this.#revision = store.readRevision(request.revision);
    const { index } = store;
    this.#range = keyRange(index.textOf(request.key), index.textOf(request.rangeEnd));
    this.#keysOnly = request.keysOnly;
    this.#limit = request.countOnly ? 0 : request.limit > 0 ? request.limit : Infinity;
    this.#next = this.#range.start;
    this.#loads = store.loads;
    const isPresent = store.isPresent(this.#revision) && !isSingleKey(this.#range);
    this.#knownCount = isPresent ? index.countLive(this.#range) : undefined;
  }

  /** Goes on. True at the end; then, and after a throw, nothing is held any more. */
  step(): boolean {
    if (this.#next === undefined) return true;
    try {
      this.#checkLoads();
      this.#visit(this.#next);
    } catch (error) {
      this.close();
      throw error;
    }
    if (this.#next === undefined) this.close();
    else this.#unpin ??= this.#store.pin(this.#revision);
    return this.#next === undefined;
  }

  /** Gives up what is held; for a reader who does not go on. */
  close(): void {
    this.#unpin?.();
    this.#unpin = undefined;
  }

  /** The answer, after the last step. */
  finish(header: ResponseHeader): EncodedMessage {
    const count = this.#knownCount ?? this.#count;
    const more = this.#limit > 0 && count > this.#taken;
    this.#endChunk();
    const rest = RangeResponse.encode({ header, kvs: [], more, count });
    // Fields may come in any order: what is known last comes first all the same.
    const parts = [rest, ...this.#parts];
    const [pool, lent] = [this.#pool, this.#lent];
    if (pool === undefined || lent.length === 0) return new EncodedMessage(parts);
    return new EncodedMessage(parts, () => pool.giveBack(lent.splice(0)));
  }

  /** An image has taken the store's place: it holds this revision too, unless it is compacted in it. */
  #checkLoads(): void {
    const { loads, compactRevision } = this.#store;
    if (loads !== this.#loads && this.#revision < compactRevision) {
      throw new StoreError("compacted");
    }
  }

  #visit(start: string): void {
    const range = start === this.#range.start ? this.#range : { ...this.#range, start };
    const isDone = (): boolean => this.#knownCount !== undefined && this.#taken >= this.#limit;
    let seen = 0;
    this.#stepBytes = 0;
    this.#next = undefined;
    if (isDone()) return;
    this.#store.index.forEach(range, (key, history) => {
      if (seen++ >= STEP_KEYS || this.#stepBytes >= STEP_BYTES) {
        this.#next = key;
        return true;
      }
      const at = history.positionAt(this.#revision);
      if (at < 0 || history.isDeleteAt(at)) return false;
      this.#count++;
      if (this.#taken < this.#limit) this.#take(history, at);
      return isDone();
    });
  }

  #take(history: KeyHistory, position: number): void {
    this.#taken++;
    const bytes = this.#store.bytesAt(history, position);
    if (this.#keysOnly) this.#addWithoutValue(bytes);
    else this.#add(bytes);
  }

  #addWithoutValue(bytes: Uint8Array): void {
    const head = new VersionHead(bytes);
    head.read(0, bytes.length);
    const [before, after] = [bytes.subarray(0, head.valueStart), bytes.subarray(head.valueEnd)];
    this.#open(before.length + after.length, before.length + after.length);
    this.#copy(before);
    this.#copy(after);
  }

  #add(bytes: Uint8Array): void {
    const isCopied = bytes.length <= COPIED_BYTES_MAX;
    this.#open(bytes.length, isCopied ? bytes.length : 0);
    if (isCopied) return this.#copy(bytes);
    this.#stepBytes += bytes.length;
    this.#endChunk();
    this.#parts.push(bytes);
  }

  /** Begins a pair of so many bytes, and makes room for as many of them as will be copied. */
  #open(length: number, copied: number): void {
    const needed = FIELD_BYTES_MAX + copied;
    if (this.#chunk.length - this.#used < needed) {
      this.#endChunk();
      const isLast = isSingleKey(this.#range) || this.#limit === 1;
      this.#chunk = isLast ? new Uint8Array(needed) : this.#newChunk(needed);
    }
    this.#chunk[this.#used++] = TAG_KVS;
    this.#used = writeVarint(length, this.#chunk, this.#used);
  }

  /** With room for `needed` bytes, which a chunk of the pool always has. */
  #newChunk(needed: number): Uint8Array {
    if (this.#parts.length === 0) return new Uint8Array(Math.max(FIRST_CHUNK_BYTES, needed));
    if (this.#pool === undefined) return new Uint8Array(CHUNK_BYTES);
    const chunk = this.#pool.take();
    this.#lent.push(chunk);
    return chunk;
  }

  #copy(bytes: Uint8Array): void {
    this.#chunk.set(bytes, this.#used);
    this.#used += bytes.length;
    this.#stepBytes += bytes.length;
  }

  /** What is in the chunk becomes a part; what is left of it is for the next pairs. */
  #endChunk(): void {
    if (this.#used === 0) return;
    this.#parts.push(this.#chunk.subarray(0, this.#used));
    this.#chunk = this.#chunk.subarray(this.#used);
    this.#used = 0;
  }
}
