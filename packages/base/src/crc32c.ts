/**
 * CRC-32C (Castagnoli), the checksum of the raft log's records, of the database's blocks and of
 * HashKV. Short inputs go eight bytes a step through eight tables ("slicing by 8") in JavaScript,
 * longer ones sixteen a step in WebAssembly: 2 GB/s where JavaScript comes to 0.8. Both read the same
 * tables.
 */
import { crc32cModule, TABLES } from "./crc32c-module.js";

const POLYNOMIAL = 0x82f63b78; // Castagnoli's, bits reversed.
/** Where copying into the module's memory begins to pay. */
const NATIVE_BYTES_MIN = 96;
const TABLE_BYTES = TABLES * 256 * 4;

const { memory, update } = crc32cModule();
const TABLE: Int32Array = fillTables(new Int32Array(memory, 0, TABLES * 256));
/** Behind the tables: what is to be looked at. */
const ROOM: Uint8Array = new Uint8Array(memory, TABLE_BYTES);

/** Tables of 256, one behind the other: table k, byte b stands at 256 k + b. */
function fillTables(table: Int32Array): Int32Array {
  for (let n = 0; n < 256; n++) {
    let crc = n;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    table[n] = crc;
  }
  for (let n = 0; n < 256; n++) {
    let crc = at(table, n);
    for (let k = 1; k < TABLES; k++) {
      crc = at(table, crc & 0xff) ^ (crc >>> 8);
      table[256 * k + n] = crc;
    }
  }
  return table;
}

/** An entry that is there: every index here is below the array's length. */
function at(array: Int32Array | Uint8Array, index: number): number {
  return array[index] as number;
}

/**
 * CRC-32C of `bytes` from `start` up to `end` as an unsigned 32-bit number; `seed` is the CRC of the
 * bytes before.
 */
export function crc32c(bytes: Uint8Array, seed = 0, start = 0, end: number = bytes.length): number {
  let crc = ~seed;
  let i = start;
  while (end - i >= NATIVE_BYTES_MIN) {
    const to = Math.min(end, i + ROOM.length);
    ROOM.set(bytes.subarray(i, to));
    crc = update(crc, TABLE_BYTES, TABLE_BYTES + to - i);
    i = to;
  }
  for (const last = end - 7; i < last; i += 8) {
    crc ^= at4(bytes, i);
    crc =
      at(TABLE, 1792 + (crc & 0xff)) ^
      at(TABLE, 1536 + ((crc >>> 8) & 0xff)) ^
      at(TABLE, 1280 + ((crc >>> 16) & 0xff)) ^
      at(TABLE, 1024 + (crc >>> 24)) ^
      at(TABLE, 768 + at(bytes, i + 4)) ^
      at(TABLE, 512 + at(bytes, i + 5)) ^
      at(TABLE, 256 + at(bytes, i + 6)) ^
      at(TABLE, at(bytes, i + 7));
  }
  for (; i < end; i++) crc = at(TABLE, (crc ^ at(bytes, i)) & 0xff) ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** The four bytes at `i`, little-endian; the caller keeps i + 3 in range. */
function at4(bytes: Uint8Array, i: number): number {
  return (
    at(bytes, i) | (at(bytes, i + 1) << 8) | (at(bytes, i + 2) << 16) | (at(bytes, i + 3) << 24)
  );
}
