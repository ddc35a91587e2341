/**
 * LevelDB's own log, as far as one must know it to see damage (doc/log_format.md of LevelDB): blocks
 * of 32 KiB, in them records of
 *
 *   masked CRC-32C of type and data (4) | length (2) | type (1) | data
 *
 * little-endian; what is left of a block below seven bytes is zeros. LevelDB's recovery passes over a
 * damaged block without a word and goes on with the next one, so that batches would be missing in the
 * middle: those that a power loss took before others that were written later, and those that rotted.
 */
import { crc32c } from "@sagong/base";

const BLOCK_BYTES = 32_768;
const HEAD_BYTES = 7;
const MASK_DELTA = 0xa282ead8;

/** Where the first thing stands that is no whole record; the length where there is none. */
export function endOfSoundLog(log: Uint8Array): number {
  const view = new DataView(log.buffer, log.byteOffset, log.length);
  for (let at = 0; ;) {
    const leftInBlock = BLOCK_BYTES - (at % BLOCK_BYTES);
    if (leftInBlock < HEAD_BYTES) at += leftInBlock;
    if (at >= log.length) return Math.min(at, log.length);
    if (at + HEAD_BYTES > log.length) return at;
    const end = at + HEAD_BYTES + view.getUint16(at + 4, true);
    const isInBlock = end <= at - (at % BLOCK_BYTES) + BLOCK_BYTES;
    if (!isInBlock || end > log.length) return at;
    const crc = crc32c(log, 0, at + HEAD_BYTES - 1, end);
    if (masked(crc) !== view.getUint32(at, true)) return at;
    at = end;
  }
}

/** A CRC of bytes that hold CRCs is of little use: LevelDB turns it and adds a constant. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
}
