/**
 * The bytes of a log segment: records one after the other, each
 *
 *   length (4) | CRC-32C of the payload (4) | CRC-32C of these eight bytes (4) | payload
 *
 * little-endian, and behind the last one zeros, where the file was prepared for more. The head has a
 * checksum of its own, so that a damaged length is told from a record that was cut short, and so
 * that whole records behind damage can be found. Zeros are no head: their checksum is not zero.
 *
 * A batch is one record with one fsync after it, so only the last record of the last segment may be
 * torn: whatever else is damaged was once acknowledged, and must not be passed over in silence. Nor
 * must the last record, where it is damaged in a way that no crash leaves: a write that was cut off
 * ends early, or has sectors that never reached the disk and read as zeros (etcd's rule too). A
 * payload does not end with a zero, so that a write that was cut off anywhere is known for one.
 */
import { crc32c } from "@sagong/base";

export const HEAD_BYTES = 12;
/** A record holds one batch; a batch is far smaller than this. */
export const MAX_RECORD_BYTES = 1_073_741_824;
/** What a disk writes whole or not at all. */
const SECTOR_BYTES = 512;

/**
 * The head of a record whose payload is these parts, one behind the other. Throws `RangeError` for a
 * payload that `scanRecords` would take for damage.
 */
export function recordHead(payload: readonly Uint8Array[]): Uint8Array {
  let [length, crc] = [0, 0];
  for (const part of payload) {
    length += part.length;
    if (length > MAX_RECORD_BYTES) break;
    crc = crc32c(part, crc);
  }
  if (length > MAX_RECORD_BYTES) {
    throw new RangeError(
      `Cannot write a record of ${length} bytes: expected at most ${MAX_RECORD_BYTES}`,
    );
  }
  const head = new Uint8Array(HEAD_BYTES);
  putUint32(head, 0, length);
  putUint32(head, 4, crc);
  putUint32(head, 8, crc32c(head, 0, 0, 8));
  return head;
}

export interface Scan {
  readonly payloads: readonly Uint8Array[];
  /** Where the last whole record ends. */
  readonly end: number;
  /** What stands there instead of another record; zeros are nothing. */
  readonly rest: "nothing" | "torn" | "corrupt";
}

/** Reads records up to the end or the first fault, and says which kind of fault it is. */
export function scanRecords(bytes: Uint8Array): Scan {
  const payloads: Uint8Array[] = [];
  let end = 0;
  for (;;) {
    const payload = recordAt(bytes, end);
    if (!payload) break;
    payloads.push(payload);
    end += HEAD_BYTES + payload.length;
  }
  const written = endOfWritten(bytes, end);
  if (written === end) return { payloads, end, rest: "nothing" };
  const isTorn = isCutOff(bytes, end, written) && !hasRecordAfter(bytes, end, written);
  return { payloads, end, rest: isTorn ? "torn" : "corrupt" };
}

/** Behind the last byte that is not zero; `from` where all are. */
function endOfWritten(bytes: Uint8Array, from: number): number {
  let end = bytes.length;
  while (end > from && isZero(bytes, Math.max(from, end - SECTOR_BYTES), end)) {
    end = Math.max(from, end - SECTOR_BYTES);
  }
  while (end > from && bytes[end - 1] === 0) end--;
  return end;
}

/**
 * Whether a crash in the middle of its write can have left the record at `offset` as it is, where
 * everything from `written` on is zero.
 */
function isCutOff(bytes: Uint8Array, offset: number, written: number): boolean {
  // Nothing of a payload is there, and no payload is all zeros.
  if (written <= offset + HEAD_BYTES) return true;
  const length = lengthAt(bytes, offset);
  // Of a record without a sound head only the head's sectors and what follows are known to be its.
  const end =
    length === undefined ? Math.max(written, offset + HEAD_BYTES) : offset + HEAD_BYTES + length;
  if (end > bytes.length || (length !== undefined && written < end)) return true;
  for (let at = offset; at < end;) {
    const next = Math.min(end, (Math.floor(at / SECTOR_BYTES) + 1) * SECTOR_BYTES);
    if (isZero(bytes, at, next)) return true;
    at = next;
  }
  return false;
}

function recordAt(bytes: Uint8Array, offset: number): Uint8Array | undefined {
  const length = lengthAt(bytes, offset);
  if (length === undefined || offset + HEAD_BYTES + length > bytes.length) return undefined;
  const payload = bytes.subarray(offset + HEAD_BYTES, offset + HEAD_BYTES + length);
  return crc32c(payload) === uint32At(bytes, offset + 4) ? payload : undefined;
}

/** The payload's length where a sound head stands at `offset`. */
function lengthAt(bytes: Uint8Array, offset: number): number | undefined {
  if (offset + HEAD_BYTES > bytes.length) return undefined;
  if (crc32c(bytes, 0, offset, offset + 8) !== uint32At(bytes, offset + 8)) return undefined;
  const length = uint32At(bytes, offset);
  return length <= MAX_RECORD_BYTES ? length : undefined;
}

/** A sound record behind the fault: it was written after the damaged one was acknowledged. */
function hasRecordAfter(bytes: Uint8Array, offset: number, written: number): boolean {
  for (let at = offset + 1; at < written && at + HEAD_BYTES <= bytes.length; at++) {
    if (recordAt(bytes, at) !== undefined) return true;
  }
  return false;
}

function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return false;
  return true;
}

function putUint32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value & 0xff;
  bytes[offset + 1] = (value >>> 8) & 0xff;
  bytes[offset + 2] = (value >>> 16) & 0xff;
  bytes[offset + 3] = value >>> 24;
}

function uint32At(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + offset, 4).getUint32(0, true);
}
