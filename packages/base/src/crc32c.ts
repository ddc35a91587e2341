/**
 * CRC-32C (Castagnoli), the checksum of the raft log's records and of HashKV, four bytes a step
 * through four tables ("slicing by 4").
 */

const POLYNOMIAL = 0x82f63b78; // Castagnoli's, bits reversed.

const TABLE: Uint32Array = buildTable();

/** Four tables of 256 in one array: table k, byte b stands at 256 k + b. */
function buildTable(): Uint32Array {
  const table = new Uint32Array(4 * 256);
  for (let n = 0; n < 256; n++) {
    let crc = n;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    table[n] = crc;
  }
  for (let n = 0; n < 256; n++) {
    let crc = at(table, n);
    for (let k = 1; k < 4; k++) {
      crc = at(table, crc & 0xff) ^ (crc >>> 8);
      table[256 * k + n] = crc;
    }
  }
  return table;
}

/** An entry that is there: every index here is below the table's length. */
function at(table: Uint32Array, index: number): number {
  return table[index] as number;
}

/** CRC-32C of `bytes` as an unsigned 32-bit number; `seed` is the CRC of the bytes before. */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  let crc = ~seed >>> 0;
  let i = 0;
  for (const end = bytes.length - 3; i < end; i += 4) {
    crc ^= at4(bytes, i);
    crc =
      at(TABLE, 768 + (crc & 0xff)) ^
      at(TABLE, 512 + ((crc >>> 8) & 0xff)) ^
      at(TABLE, 256 + ((crc >>> 16) & 0xff)) ^
      at(TABLE, crc >>> 24);
  }
  for (; i < bytes.length; i++) {
    crc = at(TABLE, (crc ^ (bytes[i] as number)) & 0xff) ^ (crc >>> 8); // i is in range.
  }
  return ~crc >>> 0;
}

/** The four bytes at `i`, little-endian; the caller keeps i + 3 in range. */
function at4(bytes: Uint8Array, i: number): number {
  return (
    (bytes[i] as number) |
    ((bytes[i + 1] as number) << 8) |
    ((bytes[i + 2] as number) << 16) |
    ((bytes[i + 3] as number) << 24)
  );
}
