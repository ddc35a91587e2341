/**
 * What stands in LevelDB in place of a block of versions that lies in a block file:
 *
 *     number of the file (4) | offset (4) | length (4)
 *
 * little-endian. No block is as short, so that the two are told apart by their lengths; a list of dead
 * versions may be, and is told by its key. There is no checksum in it: what it leads to begins its own
 * with the key, so that any other place holds no block.
 */
import { SPACE_BLOCK } from "../mvcc/backend.js";
import { BLOCK_KEY_BYTES, KIND_BLOCK } from "../mvcc/revision.js";
import { setU32, u32 } from "../mvcc/version-block.js";

export interface BlockReference {
  readonly file: number;
  readonly offset: number;
  readonly length: number;
}

const REFERENCE_BYTES = 12;

export function isBlockKey(key: Uint8Array): boolean {
  return (
    key[0] === SPACE_BLOCK &&
    key.length === BLOCK_KEY_BYTES &&
    key[BLOCK_KEY_BYTES - 1] === KIND_BLOCK
  );
}

export function encodeReference({ file, offset, length }: BlockReference): Uint8Array {
  const bytes = new Uint8Array(REFERENCE_BYTES);
  setU32(bytes, 0, file);
  setU32(bytes, 4, offset);
  setU32(bytes, 8, length);
  return bytes;
}

/** Undefined where the value is the pair's own. */
export function referenceIn(
  key: Uint8Array,
  value: Uint8Array | undefined,
): BlockReference | undefined {
  if (value?.length !== REFERENCE_BYTES || !isBlockKey(key)) return undefined;
  return { file: u32(value, 0), offset: u32(value, 4), length: u32(value, 8) };
}

export function isSameReference(a: BlockReference, b: BlockReference): boolean {
  return a.file === b.file && a.offset === b.offset && a.length === b.length;
}
