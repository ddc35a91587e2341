import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BlockReader } from "./block-reader.js";
import { BlockWriter } from "./block-writer.js";
import { HpackError } from "./hpack-error.js";

const read = (prefixBits: number, ...bytes: number[]): number =>
  new BlockReader(Uint8Array.from(bytes)).integer(prefixBits);

describe("BlockReader.integer()", () => {
  it("RFC 7541 C.1.1: 10 in a prefix of 5 bits", () => expect(read(5, 0x0a)).toBe(10));
  it("RFC 7541 C.1.2: 1337 in a prefix of 5 bits", () =>
    expect(read(5, 0x1f, 0x9a, 0x0a)).toBe(1337));
  it("RFC 7541 C.1.3: 42 at an octet boundary", () => expect(read(8, 0x2a)).toBe(42));

  it("§5.1: refuses what is too long, even where it is a padded zero", () => {
    expect(() => read(5, 0x1f, 0x80, 0x80, 0x80, 0x80, 0x00)).toThrow(HpackError);
    expect(() => read(5, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f)).toThrow(HpackError);
  });

  it("refuses an integer that the block cuts off", () => {
    expect(() => read(5)).toThrow(HpackError);
    expect(() => read(5, 0x1f, 0x80)).toThrow(HpackError);
  });

  it("gives back what BlockWriter.integer() wrote", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), fc.nat(2 ** 28 - 1), (prefixBits, value) => {
        const writer = new BlockWriter();
        writer.integer(value, prefixBits, 0);
        const reader = new BlockReader(writer.take());
        expect(reader.integer(prefixBits)).toBe(value);
        expect(reader.isAtEnd).toBe(true);
      }),
    );
  });
});

describe("BlockReader.string()", () => {
  it("gives back what BlockWriter.string() wrote, long ones too", () => {
    const octets = fc.string({ unit: fc.nat(255).map((code) => String.fromCharCode(code)) });
    const long = octets.map((text) => text.repeat(2_000));
    fc.assert(
      fc.property(fc.oneof(octets, long), (text) => {
        const writer = new BlockWriter();
        writer.string(text);
        expect(new BlockReader(writer.take()).string()).toBe(text);
      }),
    );
  });

  it("refuses a length beyond the block", () => {
    expect(() => new BlockReader(Uint8Array.of(0x05, 0x61)).string()).toThrow(
      "Cannot read a string of 5 octets: the block has 1",
    );
  });
});
