import { concatBytes, fromHex } from "@sagong/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fieldBytes, type HeaderField } from "./header-field.js";
import { DEFAULT_TABLE_BYTES, HpackDecoder } from "./hpack-decoder.js";
import { HpackEncoder } from "./hpack-encoder.js";
import { HpackError } from "./hpack-error.js";

const hex = (text: string): Uint8Array => fromHex(text.replaceAll(" ", "")) ?? new Uint8Array();

/** Undefined where the block cannot be decoded. */
function fieldsOrFault(decoder: HpackDecoder, block: string): readonly HeaderField[] | undefined {
  try {
    return decoder.decode(hex(block)).fields;
  } catch (error) {
    if (error instanceof HpackError) return undefined;
    throw error;
  }
}

describe("HpackDecoder.decode()", () => {
  it("§2.3.3: refuses index 0 and indices beyond the tables", () => {
    for (const block of ["80", "be", "ff 80 80 01", "7e 00"]) {
      const decoder = new HpackDecoder({ listBytesMax: 1000 });
      expect(() => decoder.decode(hex(block))).toThrow(HpackError);
    }
  });

  it("§4.2: takes table size updates at the start of a block only", () => {
    const decoder = new HpackDecoder({ listBytesMax: 1000 });
    expect(decoder.decode(hex("20 3f e1 1f 82")).fields).toHaveLength(1);
    expect(() => decoder.decode(hex("82 20"))).toThrow("after a field");
  });

  it("§6.3: refuses a table larger than we allow", () => {
    const decoder = new HpackDecoder({ listBytesMax: 1000 });
    expect(() => decoder.decode(hex("3f e2 1f"))).toThrow(
      "Cannot resize the dynamic table to 4097",
    );
  });

  it("§4.2: demands an update after we have lowered the limit", () => {
    const decoder = new HpackDecoder({ listBytesMax: 1000 });
    decoder.limitTable(100);
    expect(() => decoder.decode(hex("82"))).toThrow(HpackError);
    expect(decoder.decode(hex("3f 45 82")).fields).toHaveLength(1);
  });

  it("§4.4: a field larger than the table empties it, and is no error", () => {
    const decoder = new HpackDecoder({ listBytesMax: 100_000 });
    decoder.decode(hex("40 01 61 01 62"));
    expect(decoder.table.length).toBe(1);
    const encoder = new HpackEncoder();
    const value = "x".repeat(DEFAULT_TABLE_BYTES);
    const block = encoder.encode([{ name: "a", value }]);
    block[0] = 0x40; // Ours would not index it; another encoder may.
    expect(decoder.decode(block).fields).toEqual([{ name: "a", value }]);
    expect(decoder.table.length).toBe(0);
  });

  it("stops collecting at listBytesMax and keeps the table true (CVE-2016-6581)", () => {
    const decoder = new HpackDecoder({ listBytesMax: 5_000 });
    const encoder = new HpackEncoder();
    const big = { name: "big", value: "x".repeat(3_000), indexing: "incremental" } as const;
    const bomb = concatBytes([encoder.encode([big]), new Uint8Array(16_000).fill(0xbe)]);
    const { fields, isTooLarge } = decoder.decode(bomb);
    expect(isTooLarge).toBe(true);
    expect(fields).toHaveLength(1);
    const next = decoder.decode(encoder.encode([big]));
    expect(next).toEqual({ fields: [{ name: "big", value: big.value }], isTooLarge: false });
  });

  it("knows a block that came before, but only while the table is the same", () => {
    const decoder = new HpackDecoder({ listBytesMax: 1_000 });
    decoder.decode(hex("40 01 61 01 62"));
    const list = decoder.decode(hex("be"));
    expect(list.fields).toEqual([{ name: "a", value: "b" }]);
    expect(decoder.decode(hex("be"))).toBe(list);
    decoder.decode(hex("40 01 61 01 63"));
    expect(decoder.decode(hex("be")).fields).toEqual([{ name: "a", value: "c" }]);
    expect(decoder.decode(hex("20")).fields).toEqual([]);
    expect(() => decoder.decode(hex("be"))).toThrow(HpackError);
    // A block that changes the table must do so each time.
    decoder.decode(hex("3f e1 1f 40 01 61 01 64"));
    decoder.decode(hex("40 01 61 01 64"));
    decoder.decode(hex("40 01 61 01 64"));
    expect(decoder.table.length).toBe(3);
  });

  it("agrees with a decoder that knows no blocks, whatever comes", () => {
    const blocks = fc.array(
      fc.constantFrom("82", "be", "bf", "40016101ff", "4001610162", "20", "3fe11f", "0f2f0162"),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(blocks, (list) => {
        const decoder = new HpackDecoder({ listBytesMax: 1_000 });
        const fresh = new HpackDecoder({ listBytesMax: 1_000 });
        for (const [i, block] of list.entries()) {
          // Never seen before: the block ends in a literal of its own, which is taken off again.
          const own = `000002${(i + 0x4000).toString(16)}`;
          const expected = fieldsOrFault(fresh, `${block}${own}`);
          const actual = fieldsOrFault(decoder, block);
          expect(actual).toEqual(expected?.slice(0, -1));
          if (actual === undefined) return;
        }
      }),
    );
  });

  it("throws nothing but HpackError on any bytes, and keeps its table within limits", () => {
    const blocks = fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 8 });
    fc.assert(
      fc.property(blocks, (list) => {
        const decoder = new HpackDecoder({ listBytesMax: 500 });
        try {
          for (const block of list) {
            const { fields } = decoder.decode(block);
            expect(fields.reduce((sum, field) => sum + fieldBytes(field), 0)).toBeLessThan(501);
          }
        } catch (error) {
          if (!(error instanceof HpackError)) throw error;
        }
        expect(decoder.table.bytes).toBeLessThanOrEqual(DEFAULT_TABLE_BYTES);
      }),
      { numRuns: 1000 },
    );
  });
});
