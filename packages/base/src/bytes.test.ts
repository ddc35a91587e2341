import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  compareBytes,
  concatBytes,
  decodeUtf8,
  encodeUtf8,
  fromHex,
  prefixEnd,
  startsWithBytes,
  toHex,
} from "./bytes.js";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

describe("bytes", () => {
  it("compareBytes() orders as Buffer.compare does", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b));
      }),
    );
  });

  it("prefixEnd() bounds exactly the keys with the prefix", () => {
    expect(prefixEnd(bytes(1, 2))).toEqual(bytes(1, 3));
    expect(prefixEnd(bytes(1, 0xff))).toEqual(bytes(2));
    expect(prefixEnd(bytes(0xff))).toEqual(bytes(0));
    expect(prefixEnd(bytes())).toEqual(bytes(0));
    const buffer = Buffer.from("ab");
    expect(prefixEnd(buffer)).toEqual(bytes(0x61, 0x63));
    expect(buffer.toString()).toBe("ab");
  });

  it("toHex() and fromHex() are inverse, and fromHex() refuses the rest", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (value) => {
        expect(fromHex(toHex(value))).toEqual(Uint8Array.from(value));
      }),
    );
    expect(fromHex("0")).toBeUndefined();
    expect(fromHex("zz")).toBeUndefined();
  });

  it("encodeUtf8() writes what Buffer does, also for lone surrogates", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(encodeUtf8(text)).toEqual(Uint8Array.from(Buffer.from(text)));
      }),
    );
    expect(encodeUtf8("\ud800x")).toEqual(bytes(0xef, 0xbf, 0xbd, 0x78));
  });

  it("decodeUtf8() inverts encodeUtf8()", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(decodeUtf8(encodeUtf8(text))).toBe(text);
      }),
    );
    expect(decodeUtf8(encodeUtf8("\ufeffx"))).toBe("\ufeffx");
    expect(decodeUtf8(bytes(0x61, 0xff, 0x62))).toBe("a\ufffdb");
    expect(decodeUtf8(bytes(0xe2, 0x82, 0x41))).toBe("\ufffdA");
  });

  it("startsWithBytes() and concatBytes() agree", () => {
    expect(startsWithBytes(concatBytes([bytes(1), bytes(2, 3)]), bytes(1, 2))).toBe(true);
    expect(startsWithBytes(bytes(1), bytes(1, 2))).toBe(false);
  });
});
