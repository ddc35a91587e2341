/** Writer and reader keep the last big numbers and their halves; what they keep must not show. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Reader } from "./reader.js";
import { Writer } from "./writer.js";

/** Few, with halves that fall together in every way; and any. */
const bigs = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 }))
    .map(([high, low]) => (BigInt(high) << 60n) | (BigInt(high) << 32n) | BigInt(low)),
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
);

describe("uint64Big()", () => {
  it("reads what was written, whatever came before", () => {
    fc.assert(
      fc.property(fc.array(bigs, { minLength: 1, maxLength: 64 }), (values) => {
        const writer = new Writer();
        for (const value of values) writer.uint64Big(value);
        const reader = new Reader(writer.finish());
        expect(values.map(() => reader.uint64Big())).toEqual(values);
      }),
    );
  });
});
