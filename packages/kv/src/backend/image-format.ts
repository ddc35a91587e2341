/**
 * The bytes of a database image: pairs as `key length (4) | value length (4) | key | value`, then
 * an end mark with the count of pairs and the CRC-32C of all before it. Without a sound end mark an
 * image is not taken: it was cut short or damaged on its way.
 */
import { crc32c } from "@sagong/base";

type Pair = readonly [key: Uint8Array, value: Uint8Array];

const CHUNK_BYTES = 64 * 1024;
const END_MARK = 0xffffffff;
/** The end mark's second number and a checksum. */
const END_BYTES = 12;
/** Pairs handed out together while decoding. */
const DECODE_PAIRS = 1_000;

export async function* encodeImage(
  batches: AsyncIterable<readonly Pair[]>,
): AsyncGenerator<Uint8Array> {
  let buffer = Buffer.alloc(0);
  let crc = 0;
  let count = 0;
  for await (const pairs of batches) {
    const parts: Uint8Array[] = [buffer];
    for (const [key, value] of pairs) {
      const head = Buffer.alloc(8);
      head.writeUInt32LE(key.length, 0);
      head.writeUInt32LE(value.length, 4);
      parts.push(head, key, value);
      count++;
    }
    buffer = Buffer.concat(parts);
    while (buffer.length >= CHUNK_BYTES) {
      const chunk = buffer.subarray(0, CHUNK_BYTES);
      crc = crc32c(chunk, crc);
      yield chunk;
      buffer = buffer.subarray(CHUNK_BYTES);
    }
  }
  crc = crc32c(buffer, crc);
  const end = Buffer.alloc(END_BYTES);
  end.writeUInt32LE(END_MARK, 0);
  end.writeUInt32LE(count >>> 0, 4);
  end.writeUInt32LE(crc, 8);
  yield Buffer.concat([buffer, end]);
}

/** The pairs, in batches. Throws `RangeError` where the image is not whole. */
export async function* decodeImage(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly Pair[]> {
  let rest = Buffer.alloc(0);
  let pairs: Pair[] = [];
  let crc = 0;
  let count = 0;
  let ended = false;
  for await (const chunk of chunks) {
    if (ended) throw new RangeError("the image goes on behind its end");
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    let at = 0;
    while (rest.length - at >= 8) {
      const keyBytes = rest.readUInt32LE(at);
      if (keyBytes === END_MARK) {
        if (rest.length - at < END_BYTES) break;
        crc = crc32c(rest.subarray(0, at), crc);
        checkEnd(rest.subarray(at), { count, crc });
        ended = true;
        at = rest.length;
        break;
      }
      const valueBytes = rest.readUInt32LE(at + 4);
      const end = at + 8 + keyBytes + valueBytes;
      if (end > rest.length) break;
      pairs.push([rest.subarray(at + 8, at + 8 + keyBytes), rest.subarray(at + 8 + keyBytes, end)]);
      count++;
      at = end;
    }
    if (!ended) crc = crc32c(rest.subarray(0, at), crc);
    rest = rest.subarray(at);
    if (pairs.length >= DECODE_PAIRS) {
      yield pairs;
      pairs = [];
    }
  }
  if (!ended) throw new RangeError("the image ends before its end mark");
  if (pairs.length > 0) yield pairs;
}

function checkEnd(mark: Buffer, seen: { readonly count: number; readonly crc: number }): void {
  if (mark.length !== END_BYTES) throw new RangeError("the image goes on behind its end");
  const [count, crc] = [mark.readUInt32LE(4), mark.readUInt32LE(8)];
  if (count !== seen.count >>> 0 || crc !== seen.crc) {
    throw new RangeError(
      `the image is damaged: ${seen.count} pairs with checksum ${seen.crc}, expected ${count} with ${crc}`,
    );
  }
}
