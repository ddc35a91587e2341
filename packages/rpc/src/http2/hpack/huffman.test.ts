import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HpackError } from "./hpack-error.js";
import { huffmanBytes, huffmanDecode, huffmanEncode } from "./huffman.js";

function encode(text: string): Uint8Array {
  const bytes = new Uint8Array(huffmanBytes(text));
  huffmanEncode(text, bytes, 0);
  return bytes;
}

const decode = (...bytes: number[]): string =>
  huffmanDecode(Uint8Array.from(bytes), 0, bytes.length);

describe("huffmanDecode()", () => {
  it("gives back every text of octets", () => {
    const octets = fc.string({ unit: fc.nat(255).map((code) => String.fromCharCode(code)) });
    fc.assert(
      fc.property(octets, (text) => {
        const bytes = encode(text);
        expect(huffmanDecode(bytes, 0, bytes.length)).toBe(text);
      }),
    );
  });

  it("gives back every octet alone and in a pair", () => {
    for (let code = 0; code < 256; code++) {
      const text = String.fromCharCode(code, 255 - code);
      const bytes = encode(text);
      expect(huffmanDecode(bytes, 0, bytes.length)).toBe(text);
    }
  });

  it("§5.2: refuses padding longer than 7 bits", () => {
    expect(decode(0x1f)).toBe("a"); // 00011 and three bits of padding.
    expect(() => decode(0x1f, 0xff)).toThrow(HpackError);
  });

  it("§5.2: refuses padding that is not the start of EOS", () => {
    expect(() => decode(0x18)).toThrow("padding");
  });

  it("§5.2: refuses the EOS symbol", () => {
    expect(() => decode(0xff, 0xff, 0xff, 0xff)).toThrow("EOS");
  });

  it("throws nothing but HpackError on any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          const text = huffmanDecode(bytes, 0, bytes.length);
          // Decoding is unambiguous: what was accepted is what we would write.
          expect(encode(text)).toEqual(bytes);
        } catch (error) {
          if (!(error instanceof HpackError)) throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });
});
