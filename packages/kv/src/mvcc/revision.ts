/**
 * A revision: `main` counts transactions that changed something, from 2 on (1 is the empty store);
 * `sub` counts the changes inside one. Keys of the backend hold one behind their key space's byte, so
 * that their order is the order of revisions.
 */
import { SPACE_BLOCK, SPACE_REVISION } from "./backend.js";

export interface Revision {
  readonly main: number;
  readonly sub: number;
}

export const REVISION_KEY_BYTES = 13;
export const BLOCK_KEY_BYTES = 14;
/** The last byte of a block's key; the list of its dead versions comes first in a scan. */
export const KIND_DEAD = 0;
export const KIND_BLOCK = 1;
const TWO_32 = 2 ** 32;

/** Of a pair that holds one version, as they were written before there were blocks. */
export function revisionKey(main: number, sub: number): Uint8Array {
  return writeRevision(new Uint8Array(REVISION_KEY_BYTES), SPACE_REVISION, { main, sub });
}

/** Of a block, by its first version, or (`KIND_DEAD`) of the list of those in it that are dead. */
export function blockKey(main: number, sub: number, kind: number = KIND_BLOCK): Uint8Array {
  const key = writeRevision(new Uint8Array(BLOCK_KEY_BYTES), SPACE_BLOCK, { main, sub });
  key[BLOCK_KEY_BYTES - 1] = kind;
  return key;
}

/** Of either kind of key. */
export function revisionOfKey(key: Uint8Array): Revision {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  return { main: view.getUint32(1) * TWO_32 + view.getUint32(5), sub: view.getUint32(9) };
}

function writeRevision(key: Uint8Array, space: number, { main, sub }: Revision): Uint8Array {
  const view = new DataView(key.buffer);
  key[0] = space;
  view.setUint32(1, Math.floor(main / TWO_32));
  view.setUint32(5, main % TWO_32);
  view.setUint32(9, sub);
  return key;
}
