import fc from "fast-check";
import { expect, it } from "vitest";
import { encodeUtf8 } from "./bytes.js";
import { crc32c } from "./crc32c.js";

it("crc32c() gives the check value of the standard", () => {
  expect(crc32c(encodeUtf8("123456789"))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa); // RFC 3720 B.4
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(crc32c(new Uint8Array(0))).toBe(0);
});

it("crc32c() continues from a seed", () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
      const whole = new Uint8Array([...a, ...b]);
      expect(crc32c(b, crc32c(a))).toBe(crc32c(whole));
    }),
  );
});

it("crc32c() is the same of short and long inputs, wherever they are parted", () => {
  // Far more than WebAssembly is given at once.
  const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 24);
  let bitwise = -1;
  for (const byte of bytes) {
    bitwise ^= byte;
    for (let bit = 0; bit < 8; bit++) {
      bitwise = bitwise & 1 ? (bitwise >>> 1) ^ 0x82f63b78 : bitwise >>> 1;
    }
  }
  const expected = ~bitwise >>> 0;
  expect(crc32c(bytes)).toBe(expected);
  fc.assert(
    fc.property(fc.nat(bytes.length), fc.nat(300), (at, length) => {
      const end = Math.min(bytes.length, at + length);
      const seed = crc32c(bytes, crc32c(bytes, 0, 0, at), at, end);
      expect(crc32c(bytes.subarray(end), seed)).toBe(expected);
    }),
  );
});
