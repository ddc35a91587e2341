import { encodeUtf8 } from "@sagong/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeImage, encodeImage } from "./image-format.js";

type Pair = readonly [Uint8Array, Uint8Array];

async function* each<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

async function encode(batches: readonly (readonly Pair[])[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of encodeImage(each(batches))) {
    expect(chunk.length).toBeLessThanOrEqual(64 * 1024 + 12);
    chunks.push(Uint8Array.from(chunk));
  }
  return Buffer.concat(chunks);
}

async function decode(chunks: Iterable<Uint8Array>): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for await (const batch of decodeImage(each(chunks))) {
    for (const [key, value] of batch) pairs.push([Uint8Array.from(key), Uint8Array.from(value)]);
  }
  return pairs;
}

const pair = (key: string, value: string): Pair => [encodeUtf8(key), encodeUtf8(value)];
const SMALL = [[pair("a", "1"), pair("b", "")], [pair("c", "three")]];

describe("encodeImage() and decodeImage()", () => {
  it("give back every pair, however the bytes are cut into chunks", async () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.tuple(bytes, bytes), { maxLength: 20 }), { maxLength: 5 }),
        fc.integer({ min: 1, max: 700 }),
        async (batches, size) => {
          const image = await encode(batches);
          const chunks: Uint8Array[] = [];
          for (let at = 0; at < image.length; at += size)
            chunks.push(image.subarray(at, at + size));
          expect(await decode(chunks)).toEqual(batches.flat());
        },
      ),
      { numRuns: 50 },
    );
  });

  it("carry values larger than a chunk, and more pairs than a batch", async () => {
    const large = [pair("large", "x".repeat(300_000))];
    const many = Array.from({ length: 2_500 }, (_, i) => pair(`key ${i}`, "v"));
    expect(await decode([await encode([large, many])])).toEqual([...large, ...many]);
  });

  it("refuse an image that ends early, at every byte", async () => {
    const image = await encode(SMALL);
    for (let length = 0; length < image.length; length++) {
      await expect(decode([image.subarray(0, length)])).rejects.toThrow(
        "the image ends before its end mark",
      );
    }
  });

  it("refuse an image with a damaged byte, wherever it is", async () => {
    const image = await encode(SMALL);
    for (let at = 0; at < image.length; at++) {
      const damaged = Buffer.from(image);
      damaged[at] = (damaged[at] ?? 0) ^ 0x04;
      await expect(decode([damaged])).rejects.toThrow(RangeError);
    }
  });

  it("do not wait for the bytes of a length that cannot be", async () => {
    const image = await encode(SMALL);
    image.writeUInt32LE(0xfffffff0, 12);
    await expect(decode([image])).rejects.toThrow("the image is damaged: it has a pair of");
  });

  it("refuse what goes on behind the end, in the same chunk and in the next", async () => {
    const image = await encode(SMALL);
    const more = Uint8Array.of(0);
    await expect(decode([image, more])).rejects.toThrow("the image goes on behind its end");
    await expect(decode([Buffer.concat([image, more])])).rejects.toThrow(
      "the image goes on behind its end",
    );
  });

  it("refuse another version, and what is no image", async () => {
    const image = await encode(SMALL);
    image.writeUInt32LE(3, 8);
    await expect(decode([image])).rejects.toThrow("the image has version 3, expected 1 to 2");
    await expect(decode([encodeUtf8("<html>not found</html>")])).rejects.toThrow(
      "this is no image of a database",
    );
  });
});
