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
