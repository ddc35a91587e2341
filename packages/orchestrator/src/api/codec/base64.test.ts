import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBase64, encodeBase64, isBase64 } from "./base64.js";

describe("base64", () => {
  it("encodeBase64() is what every other encoder gives, and isBase64() takes it", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
        const text = encodeBase64(bytes);
        expect(text).toBe(Buffer.from(bytes).toString("base64"));
        expect(isBase64(text)).toBe(true);
        expect(isBase64(text.replaceAll(/(.{5})/g, "$1\r\n"))).toBe(true);
      }),
    );
  });

  it.each(["a", "ab", "abc", "a=bc", "====", "ab=c", "abc=d", "%%%%", "ab c", "YQ==YQ=="])(
    "isBase64() refuses %j",
    (text) => {
      expect(isBase64(text)).toBe(false);
    },
  );

  it("isBase64() reads long text once", () => {
    const long = "\n".repeat(3_000_000);
    expect(isBase64(`${long}%`)).toBe(false);
    expect(isBase64(`${"A".repeat(3_000_000)}%`)).toBe(false);
    expect(isBase64(`${"=".repeat(3_000_000)}A`)).toBe(false);
  });
});

it("decodeBase64() gives back what was encoded", () => {
  for (let length = 0; length < 50; length++) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 37 + length * 101) % 256);
    const text = Buffer.from(bytes).toString("base64");
    expect(decodeBase64(text)).toEqual(bytes);
    expect(decodeBase64(`${text.slice(0, 4)}\r\n${text.slice(4)}`)).toEqual(bytes);
  }
});
