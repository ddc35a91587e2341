/**
 * The versions of a block that a compaction has superseded while too many others live in it for it to
 * be written anew: a small pair beside the block. A restart leaves out what is on it, and so finds the
 * state that was there before. Without it a key could rise from the dead: its delete gone with one
 * block, a put before that still in another.
 *
 *     main - first main (4) | sub (4) | …, in order | CRC-32C (4), begun with the key's
 */
import { crc32c } from "@sagong/base";
import { DamagedDatabaseError } from "./damaged-database-error.js";
import { blockKey, KIND_DEAD, type Revision } from "./revision.js";
import { setU32, u32 } from "./version-block.js";

const ENTRY_BYTES = 8;
const CHECKSUM_BYTES = 4;

/** Mains and subs in turn, in order of revisions. */
export type Revisions = readonly number[];

export function encodeDeadList(first: Revision, dead: Revisions): Uint8Array {
  const bytes = new Uint8Array(4 * dead.length + CHECKSUM_BYTES);
  for (let i = 0; i < dead.length; i += 2) {
    setU32(bytes, 4 * i, (dead[i] as number) - first.main); // In range by the loop.
    setU32(bytes, 4 * i + 4, dead[i + 1] as number); // They come in pairs.
  }
  setU32(bytes, bytes.length - CHECKSUM_BYTES, checksum(first, bytes));
  return bytes;
}

/** The one that a list ends with. */
export function deadListChecksum(bytes: Uint8Array): number {
  return u32(bytes, bytes.length - CHECKSUM_BYTES);
}

/** Throws `DamagedDatabaseError`. */
export function decodeDeadList(first: Revision, bytes: Uint8Array): number[] {
  const end = bytes.length - CHECKSUM_BYTES;
  if (end < 0 || end % ENTRY_BYTES !== 0 || u32(bytes, end) !== checksum(first, bytes)) {
    throw new DamagedDatabaseError(
      `the list of dead versions in the block at revision ${first.main}.${first.sub} is damaged`,
    );
  }
  const dead: number[] = [];
  for (let at = 0; at < end; at += ENTRY_BYTES) {
    dead.push(first.main + u32(bytes, at), u32(bytes, at + 4));
  }
  return dead;
}

function checksum(first: Revision, bytes: Uint8Array): number {
  const seed = crc32c(blockKey(first.main, first.sub, KIND_DEAD));
  return crc32c(bytes, seed, 0, bytes.length - CHECKSUM_BYTES);
}

/** Both in one, in order. Neither is in order by need: clean-ups go by keys. */
export function mergeRevisions(a: Revisions, b: Revisions): number[] {
  const pairs: [number, number][] = [];
  for (const list of [a, b]) {
    for (let i = 0; i < list.length; i += 2) pairs.push([list[i] as number, list[i + 1] as number]);
  }
  return pairs.sort((x, y) => x[0] - y[0] || x[1] - y[1]).flat();
}
