/**
 * Small values under a checksum: the applied mark, leases, what members say of themselves. LevelDB has
 * one for each of its blocks, and does not look at it when it reads: without ours a flipped bit would
 * be a lease with another TTL on this member alone, or entries that are never applied.
 *
 *     SEAL (1) | CRC-32C of key and message (4), little-endian | message
 *
 * Values from before there was a seal begin with the tag of one of their first four fields, or are
 * empty; they are taken as they are.
 */
import { crc32c } from "@sagong/base";
import { MessageDecodeError } from "@sagong/rpc/message";
import { DamagedDatabaseError } from "./damaged-database-error.js";

/** Differs in at least three bits from the first byte of any value without a seal. */
const SEAL = 0x73;
const HEAD_BYTES = 5;
const UNSEALED_TAGS: readonly (number | undefined)[] = [undefined, 0x08, 0x10, 0x18, 0x20];

export function sealValue(key: Uint8Array, message: Uint8Array): Uint8Array {
  const value = new Uint8Array(HEAD_BYTES + message.length);
  value[0] = SEAL;
  new DataView(value.buffer).setUint32(1, crc32c(message, crc32c(key)), true);
  value.set(message, HEAD_BYTES);
  return value;
}

/** What `decode` makes of the message. Throws `DamagedDatabaseError`; `what` names it for people. */
export function openSealed<T>(
  [key, value]: readonly [key: Uint8Array, value: Uint8Array],
  what: () => string,
  { decode }: { readonly decode: (message: Uint8Array) => T },
): T {
  const message = value[0] === SEAL ? value.subarray(HEAD_BYTES) : value;
  const isIntact =
    value[0] === SEAL
      ? value.length >= HEAD_BYTES &&
        crc32c(message, crc32c(key)) ===
          new DataView(value.buffer, value.byteOffset, value.length).getUint32(1, true)
      : UNSEALED_TAGS.includes(value[0]);
  if (!isIntact) throw new DamagedDatabaseError(`${what()} is damaged`);
  try {
    return decode(message);
  } catch (error) {
    if (!(error instanceof MessageDecodeError)) throw error;
    throw new DamagedDatabaseError(`${what()}: ${error.message}`, { cause: error });
  }
}
