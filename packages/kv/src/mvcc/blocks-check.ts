/**
 * What the database must hold of versions: the sum of the checksums of all blocks and of all lists of
 * dead versions, written in one batch with whatever changes it, and with every applied mark. Checksums
 * say of each pair that is there that it is whole; this says that none is missing, and none there that
 * was given up. A disk that lied about a sync takes batches out of the middle, and a bit flipped in a
 * key makes a pair one of nobody's: above the compacted revision the gap shows, below it nothing else
 * would.
 *
 * A sum, since CRCs are linear: of versions that differ by counters alone, those of four may well be
 * zero in XOR.
 */
import { SPACE_META } from "./backend.js";
import { openSealed, sealValue } from "./sealed-value.js";
import { setU32, u32 } from "./version-block.js";

/** Databases from before there was one do not have it. */
export const BLOCKS_CHECK_KEY: Uint8Array = Uint8Array.of(SPACE_META, 0x62);
const BYTES = 4;

export class BlocksCheck {
  #sum = 0;

  get sum(): number {
    return this.#sum;
  }

  /** By the checksums of what comes, less those of what goes. */
  change(by: number): void {
    this.#sum = (this.#sum + by) >>> 0;
  }

  /** For `BLOCKS_CHECK_KEY`. */
  encode(): Uint8Array {
    const bytes = new Uint8Array(BYTES);
    setU32(bytes, 0, this.#sum);
    return sealValue(BLOCKS_CHECK_KEY, bytes);
  }
}

/** The sum that was written. Throws `DamagedDatabaseError`. */
export function readBlocksCheck(value: Uint8Array): number {
  const decode = (bytes: Uint8Array): number => (bytes.length === BYTES ? u32(bytes, 0) : NaN);
  return openSealed([BLOCKS_CHECK_KEY, value], () => "the sum of all blocks", { decode });
}
