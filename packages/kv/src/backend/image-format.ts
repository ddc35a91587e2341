/**
 * The bytes of a database image: a head that names format and version, pairs as `key length (4) |
 * value length (4) | key | value`, then an end mark with the count of pairs and the CRC-32C of all
 * before it. Without a sound end mark an image is not taken: it was cut short or damaged on its way.
 */
import { crc32c } from "@sagong/base";

type Pair = readonly [key: Uint8Array, value: Uint8Array];

/**
 * "sagongdb", and the version of what follows. The first had one pair a version; who knows only that
 * must not take an image with blocks, of which it would see nothing. We read both.
 */
const MAGIC = "sagongdb";
const VERSION = 2;
const FIRST_VERSION = 1;
const HEAD_BYTES = 12;
const CHUNK_BYTES = 64 * 1024;
/** No key and no value is longer: requests are far below. A damaged length is not waited for. */
const PART_BYTES_MAX = 256 * 1024 * 1024;
const END_MARK = 0xffffffff;
/** The end mark's second number and a checksum. */
const END_BYTES = 12;
/** Pairs handed out together while decoding. */
const DECODE_PAIRS = 1_000;

export async function* encodeImage(
  batches: AsyncIterable<readonly Pair[]>,
): AsyncGenerator<Uint8Array> {
  let buffer = Buffer.alloc(HEAD_BYTES);
  buffer.write(MAGIC, "latin1");
  buffer.writeUInt32LE(VERSION, MAGIC.length);
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
  const decoder = new ImageDecoder();
  for await (const chunk of chunks) {
    decoder.push(chunk);
    if (decoder.waitingPairs >= DECODE_PAIRS) yield decoder.take();
  }
  decoder.finish();
  if (decoder.waitingPairs > 0) yield decoder.take();
}

class ImageDecoder {
  /** Received and not decoded yet. */
  #rest = Buffer.alloc(0);
  #pairs: Pair[] = [];
  #crc = 0;
  #count = 0;
  #state: "head" | "pairs" | "ended" = "head";

  get waitingPairs(): number {
    return this.#pairs.length;
  }

  take(): readonly Pair[] {
    const pairs = this.#pairs;
    this.#pairs = [];
    return pairs;
  }

  push(chunk: Uint8Array): void {
    if (this.#state === "ended") throw new RangeError("the image goes on behind its end");
    this.#rest = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
    if (this.#state === "head") this.#head();
    if (this.#state === "pairs") this.#decodePairs();
  }

  finish(): void {
    if (this.#state !== "ended") throw new RangeError("the image ends before its end mark");
  }

  #head(): void {
    if (this.#rest.length < HEAD_BYTES) return;
    if (this.#rest.toString("latin1", 0, MAGIC.length) !== MAGIC) {
      throw new RangeError("this is no image of a database");
    }
    const version = this.#rest.readUInt32LE(MAGIC.length);
    if (version < FIRST_VERSION || version > VERSION) {
      throw new RangeError(
        `the image has version ${version}, expected ${FIRST_VERSION} to ${VERSION}`,
      );
    }
    this.#consume(HEAD_BYTES);
    this.#state = "pairs";
  }

  #decodePairs(): void {
    const rest = this.#rest;
    let at = 0;
    while (rest.length - at >= 8) {
      const keyBytes = rest.readUInt32LE(at);
      if (keyBytes === END_MARK) break;
      const valueBytes = rest.readUInt32LE(at + 4);
      if (keyBytes > PART_BYTES_MAX || valueBytes > PART_BYTES_MAX) {
        throw new RangeError(
          `the image is damaged: it has a pair of ${keyBytes + valueBytes} bytes`,
        );
      }
      const keyEnd = at + 8 + keyBytes;
      const end = keyEnd + valueBytes;
      if (end > rest.length) break;
      this.#pairs.push([rest.subarray(at + 8, keyEnd), rest.subarray(keyEnd, end)]);
      this.#count++;
      at = end;
    }
    this.#consume(at);
    if (this.#rest.length >= END_BYTES && this.#rest.readUInt32LE(0) === END_MARK) this.#end();
  }

  #end(): void {
    if (this.#rest.length !== END_BYTES) throw new RangeError("the image goes on behind its end");
    const [count, crc] = [this.#rest.readUInt32LE(4), this.#rest.readUInt32LE(8)];
    if (count !== this.#count >>> 0 || crc !== this.#crc) {
      throw new RangeError(
        `the image is damaged: ${this.#count} pairs with checksum ${this.#crc}, expected ${count} with ${crc}`,
      );
    }
    this.#state = "ended";
  }

  #consume(bytes: number): void {
    this.#crc = crc32c(this.#rest.subarray(0, bytes), this.#crc);
    this.#rest = this.#rest.subarray(bytes);
  }
}
