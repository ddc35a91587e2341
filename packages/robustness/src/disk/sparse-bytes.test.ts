import { seededRandom, randomBelow } from "@sagong/base";
import { describe, expect, it } from "vitest";
import { SparseBytes } from "./sparse-bytes.js";

const BYTES_MAX = 20_000;

describe("SparseBytes", () => {
  it.each([1, 2, 3, 4, 5])("holds what an array would, over pages' ends; seed %d", (seed) => {
    const random = seededRandom(seed);
    const bytes = new SparseBytes();
    let model = new Uint8Array(0);
    const extend = (length: number): void => {
      if (length <= model.length) return;
      const longer = new Uint8Array(length);
      longer.set(model);
      model = longer;
    };
    for (let step = 0; step < 200; step++) {
      const position = randomBelow(random, BYTES_MAX);
      const length = randomBelow(random, 9_000);
      switch (randomBelow(random, 6)) {
        case 0:
          extend(position + length);
          model.fill(0, position, position + length);
          bytes.zero(position, length);
          break;
        case 1:
          extend(position);
          model = model.slice(0, position);
          bytes.truncate(position);
          break;
        case 2:
          if (bytes.end === 0) break;
          bytes.flipBit(8 * (bytes.end - 1));
          model[bytes.end - 1] = (model[bytes.end - 1] ?? 0) ^ 1;
          break;
        default: {
          const written = Uint8Array.from({ length }, () => randomBelow(random, 256));
          extend(position + length);
          model.set(written, position);
          bytes.write(written, position);
        }
      }
      expect(bytes.length).toBe(model.length);
    }
    expect(Buffer.compare(bytes.read(), model)).toBe(0);
    for (let i = 0; i < 50; i++) {
      const position = randomBelow(random, BYTES_MAX);
      const target = new Uint8Array(randomBelow(random, 9_000)).fill(7);
      const expected = model.subarray(position, position + target.length);
      expect(bytes.readInto(target, position)).toBe(expected.length);
      expect(Buffer.compare(target.subarray(0, expected.length), expected)).toBe(0);
    }
    const copy = bytes.copy();
    bytes.write(Uint8Array.of(1, 2, 3), 0);
    expect(Buffer.compare(copy.read(), model)).toBe(0);
  });
});
