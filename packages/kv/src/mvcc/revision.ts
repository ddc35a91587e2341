/**
 * A revision: `main` counts transactions that changed something, from 2 on (1 is the empty store);
 * `sub` counts the changes inside one. In the backend it is a key of 13 bytes whose order is the
 * order of revisions.
 */
import { SPACE_REVISION } from "./backend.js";

export interface Revision {
  readonly main: number;
  readonly sub: number;
}

export const REVISION_KEY_BYTES = 13;
const TWO_32 = 2 ** 32;

export function revisionKey(main: number, sub: number): Uint8Array {
  const key = new Uint8Array(REVISION_KEY_BYTES);
  const view = new DataView(key.buffer);
  key[0] = SPACE_REVISION;
  view.setUint32(1, Math.floor(main / TWO_32));
  view.setUint32(5, main % TWO_32);
  view.setUint32(9, sub);
  return key;
}

export function revisionOfKey(key: Uint8Array): Revision {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  return { main: view.getUint32(1) * TWO_32 + view.getUint32(5), sub: view.getUint32(9) };
}
