/**
 * How proposals lie in an entry: one after the other, as protobuf's
 *
 *   message ProposalBatch { repeated bytes proposals = 1; }     tag 0x0a | length (varint) | bytes …
 *
 * so that two batches, one behind the other, are a batch again: a leader takes what followers
 * forward without looking into it. `ProposalQueue` collects what is proposed until the log takes it;
 * it copies each proposal once, to where it stays: in the log, in messages and on the disk.
 *
 * The core itself never looks into an entry. An entry without data has no proposals (Raft §8).
 */
import { ownBytes } from "./own-bytes.js";
import type { Entry } from "./types.js";

const TAG = 0x0a;
/**
 * A batch is closed when one more proposal would pass this, in bytes. A member applies an entry as
 * a whole, in one turn of the event loop: at some 10 µs a small request this is about 10 ms.
 */
export const BATCH_BYTES = 262_144;
/** A larger forwarded batch becomes an entry of its own: joining it to others is not worth the copy. */
const JOINED_BYTES_MAX = 32_768;
/**
 * Batches are cut one after the other from arrays of this size, or larger where batches are. The
 * first are smaller, each twice the one before: a member that is offered little takes little.
 */
const SLAB_BYTES = 262_144;
const FIRST_SLAB_BYTES = 16_384;
const VARINT_BYTES_MAX = 5;

/** The proposals of an entry, in order, as views of its data. Throws `RangeError` where it is no batch. */
export function* proposalsOf({ kind, data }: Pick<Entry, "kind" | "data">): Generator<Uint8Array> {
  if (kind !== "normal") return;
  const cursor = { at: 0 };
  while (cursor.at < data.length) {
    const length = readHead(data, cursor);
    yield data.subarray(cursor.at, cursor.at + length);
    cursor.at += length;
  }
}

/** How many proposals a batch has. Throws `RangeError` where it is none. */
export function countProposals(batch: Uint8Array): number {
  const cursor = { at: 0 };
  let count = 0;
  for (; cursor.at < batch.length; count++) {
    const length = readHead(batch, cursor);
    cursor.at += length;
  }
  return count;
}

/** A batch of these proposals: an entry's data. */
export function encodeProposals(proposals: readonly Uint8Array[]): Uint8Array {
  const batch = new Uint8Array(
    proposals.reduce((sum, { length }) => sum + encodedBytes(length), 0),
  );
  let at = 0;
  for (const proposal of proposals) at = write(batch, at, proposal);
  return batch;
}

/** What waits to be appended or forwarded, in order, as batches. */
export class ProposalQueue {
  #closed: Uint8Array[] = [];
  #closedBytes = 0;
  /** The open batch is `slab[start, end)`; what is before belongs to batches, and never changes. */
  #slab: Uint8Array = new Uint8Array(0);
  /** Of the next slab. */
  #slabBytes = FIRST_SLAB_BYTES;
  #start = 0;
  #end = 0;
  /** Size of the largest batch that was taken last, and of the largest since: slabs are made for it. */
  #usualBytes = 0;
  #largestBytes = 0;

  get bytes(): number {
    return this.#closedBytes + this.#end - this.#start;
  }

  /** Copies `proposal`: it may change afterwards. */
  add(proposal: Uint8Array): void {
    const size = encodedBytes(proposal.length);
    this.#reserve(size);
    this.#end = write(this.#slab, this.#end, proposal);
  }

  /** Takes a batch that another member made. Throws `RangeError` where it is none; it is not taken. */
  addBatch(batch: Uint8Array): void {
    if (countProposals(batch) === 0) return;
    if (batch.length > JOINED_BYTES_MAX) {
      this.#close();
      this.#push(ownBytes(batch));
      return;
    }
    this.#reserve(batch.length);
    this.#slab.set(batch, this.#end);
    this.#end += batch.length;
  }

  /** All batches, which are the caller's from now on. */
  take(): Uint8Array[] {
    this.#close();
    const batches = this.#closed;
    this.#closed = [];
    this.#closedBytes = 0;
    this.#usualBytes = Math.min(this.#largestBytes, BATCH_BYTES);
    this.#largestBytes = 0;
    return batches;
  }

  clear(): void {
    this.take();
  }

  /** Room for `size` more in the open batch, or in a new one. */
  #reserve(size: number): void {
    if (this.#end > this.#start && this.#end - this.#start + size > BATCH_BYTES) this.#close();
    const open = this.#end - this.#start;
    const expected = open + size;
    if (open > 0 ? this.#end + size <= this.#slab.length : this.#fits(expected)) return;
    const grown = open > 0 ? Math.min(2 * expected, Math.max(BATCH_BYTES, expected)) : expected;
    const slab = new Uint8Array(Math.max(this.#slabBytes, grown, this.#usualBytes));
    this.#slabBytes = Math.min(2 * this.#slabBytes, SLAB_BYTES);
    slab.set(this.#slab.subarray(this.#start, this.#end));
    this.#slab = slab;
    this.#start = 0;
    this.#end = open;
  }

  /** Whether a batch that begins with `size` has room to become as large as they usually are. */
  #fits(size: number): boolean {
    return this.#start + Math.max(size, this.#usualBytes) <= this.#slab.length;
  }

  #close(): void {
    const length = this.#end - this.#start;
    if (length === 0) return;
    this.#largestBytes = Math.max(this.#largestBytes, length);
    this.#push(this.#slab.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }

  #push(batch: Uint8Array): void {
    this.#closed.push(batch);
    this.#closedBytes += batch.length;
  }
}

function encodedBytes(length: number): number {
  return 1 + varintBytes(length) + length;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes++;
  return bytes;
}

function write(into: Uint8Array, offset: number, proposal: Uint8Array): number {
  let at = offset;
  into[at++] = TAG;
  let rest = proposal.length;
  for (; rest > 0x7f; rest >>>= 7) into[at++] = (rest & 0x7f) | 0x80;
  into[at++] = rest;
  into.set(proposal, at);
  return at + proposal.length;
}

/** The length of the proposal at `cursor`, which is moved behind the head. */
function readHead(bytes: Uint8Array, cursor: { at: number }): number {
  const start = cursor.at;
  if (bytes[start] !== TAG) throw malformed(bytes, start, `tag ${bytes[start]}, expected ${TAG}`);
  let length = 0;
  let at = start + 1;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    if (byte === undefined) throw malformed(bytes, start, "its length is cut off");
    if (shift >= 7 * VARINT_BYTES_MAX) throw malformed(bytes, start, "its length does not end");
    // Not by shifting: a length above 2^31 must stay positive to be refused.
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  if (length > bytes.length - at) {
    throw malformed(bytes, start, `${length} bytes where ${bytes.length - at} are left`);
  }
  cursor.at = at;
  return length;
}

function malformed({ length }: Uint8Array, at: number, why: string): RangeError {
  return new RangeError(`Cannot read the proposal at ${at} of ${length}: ${why}`);
}
