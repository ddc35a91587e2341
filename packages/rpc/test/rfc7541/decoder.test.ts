/** RFC 7541, what a decoder must take and must refuse, as bytes of a block. */
import { fromHex } from "@sagong/base";
import { describe, expect, it } from "vitest";
import { RawClient } from "../../src/http2/testing/raw-client.js";
import { HpackDecoder } from "../../src/http2/hpack/hpack-decoder.js";
import { HpackError } from "../../src/http2/hpack/hpack-error.js";
import { ErrorCode } from "../../src/http2/frames/error-code.js";
import { headers } from "../support/frame-bytes.js";

const decoder = (): HpackDecoder => new HpackDecoder({ listBytesMax: 1_000_000 });
const bytesOf = (hex: string): Uint8Array => fromHex(hex.replaceAll(" ", "")) ?? new Uint8Array();
const decode = (hex: string, one: HpackDecoder = decoder()): string[] =>
  one.decode(bytesOf(hex)).fields.map(({ name, value }) => `${name}: ${value}`);

/** Blocks that MUST be decoding errors. */
const ERRORS: readonly (readonly [rule: string, hex: string])[] = [
  ["§6.1: index 0", "80"],
  ["§2.3.3: an index one above the static table, the dynamic one empty", "be"],
  ["§2.3.3: an index far above both tables", "ff 80 01"],
  ["§2.3.3: a name's index above both tables, literal with indexing", "7e 01 61"],
  ["§2.3.3: a name's index above both tables, literal without indexing", "0f 2f 01 61"],
  ["§2.3.3: a name's index above both tables, literal never indexed", "1f 2f 01 61"],
  ["§2.3.3: an index above one that has just been evicted", "40 01 61 01 62 be 20"],
  ["§5.1: an integer of too many octets", "ff ff ff ff ff ff ff ff ff 7f"],
  ["§5.1: an integer padded with zeros without end", "ff 80 80 80 80 80 80 80 80 00"],
  ["§5.1: an integer that the block cuts off", "ff"],
  ["§5.1: an integer that the block cuts off later", "7f 80 80"],
  ["§5.2: a string longer than the block", "40 0a 61"],
  ["§5.2: a string whose length is beyond everything", "40 7f ff ff ff 7f 61"],
  ["§5.2: a value that is not there", "40 01 61"],
  ["§5.2: a Huffman string longer than the block", "40 8a 1f"],
  ["§5.2: Huffman padding of 8 bits", "40 82 1f ff 01 61"],
  ["§5.2: Huffman padding of 3 octets", "40 84 1f ff ff ff 01 61"],
  ["§5.2: Huffman padding of zeros", "40 81 18 01 61"],
  ["§5.2: Huffman padding that ends in a zero", "40 81 1e 01 61"],
  ["§5.2: a Huffman string with EOS", "40 84 ff ff ff ff 01 61"],
  ["§5.2: EOS among symbols", "40 86 1f ff ff ff ff 1f 01 61"],
  ["§6.3: a table above the limit of 4,096", "3f e2 1f"],
  ["§6.3: a table far above the limit", "3f ff ff ff 07"],
  ["§4.2: a size update after a field", "82 20"],
  ["§4.2: a size update between fields", "82 20 84"],
];

describe("RFC 7541 as a decoder: MUST be decoding errors", () => {
  for (const [rule, hex] of ERRORS) {
    it(rule, () => expect(() => decode(hex)).toThrow(HpackError));

    it(`${rule}: a COMPRESSION_ERROR of the connection (RFC 9113 §4.3)`, () => {
      expect(new RawClient().open().raw(headers(1, bytesOf(hex))).goaway).toBe(
        ErrorCode.compressionError,
      );
    });
  }
});

describe("RFC 7541 as a decoder: MUST be taken", () => {
  it("§2.1: the list has the order of the block", () => {
    expect(decode("82 40 01 61 01 62 86 be 84 be")).toEqual([
      ":method: GET",
      "a: b",
      ":scheme: http",
      "a: b",
      ":path: /",
      "a: b",
    ]);
  });

  it("§2.3.2: equal entries in the table are no error, and are two", () => {
    const one = decoder();
    expect(decode("40 01 61 01 62 40 01 61 01 62 be bf", one)).toHaveLength(4);
    expect(one.table.length).toBe(2);
  });

  it("§2.3.3: the first and the last index of both tables", () => {
    expect(decode("81")).toEqual([":authority: "]);
    expect(decode("bd")).toEqual(["www-authenticate: "]);
    expect(decode("40 01 61 01 62 40 01 63 01 64 be bf").slice(2)).toEqual(["c: d", "a: b"]);
  });

  it("§5.1: an integer at its prefix's limit, in one octet more", () => {
    expect(decode("40 01 61 01 62 40 01 63 01 64 7f 00 01 65").at(-1)).toBe("a: e");
    expect(decode("0f 00 01 61")).toEqual(["accept-charset: a"]);
    expect(decode("0f 80 00 01 61")).toEqual(["accept-charset: a"]);
  });

  it("§5.2: empty strings, plain and coded", () => {
    expect(decode("40 01 61 00")).toEqual(["a: "]);
    expect(decode("40 01 61 80")).toEqual(["a: "]);
  });

  it("§5.2: Huffman padding of 0 to 7 bits", () => {
    // "a" is 00011: n of them take 5n bits, so that 1 to 8 of them leave every padding there is.
    const texts = [
      "1f",
      "18ff",
      "18c7",
      "18c63f",
      "18c631ff",
      "18c6318f",
      "18c6318c7f",
      "18c6318c63",
    ];
    const expected = texts.map((_, i) => `${"a".repeat(i + 1)}: b`);
    const blocks = texts.map((text) => `40 8${text.length / 2} ${text} 01 62`);
    expect(blocks.flatMap((block) => decode(block))).toEqual(expected);
  });

  it("§4.1, §4.3: an entry counts its octets, uncoded, and 32; a smaller table evicts the oldest", () => {
    const one = decoder();
    decode("40 81 1f 01 62 40 01 63 01 64", one);
    expect(one.table.bytes).toBe(2 * 34);
    decode("3f 24", one); // 67: room for one of them.
    expect([one.table.length, one.table.at(0)?.name]).toEqual([1, "c"]);
  });

  it("§4.4: an entry larger than the table empties it, and is a field all the same", () => {
    const one = decoder();
    expect(decode("3f 09 40 01 61 00", one)).toEqual(["a: "]);
    decode("40 02 62 62 05 31 32 33 34 35", one);
    expect([one.table.length, one.table.bytes]).toEqual([1, 39]);
    expect(decode("40 02 63 63 0a 31 32 33 34 35 31 32 33 34 35", one)).toEqual(["cc: 1234512345"]);
    expect([one.table.length, one.table.bytes]).toEqual([0, 0]);
  });

  it("§4.4: a new entry may take its name from one that it evicts", () => {
    const one = decoder();
    decode("3f 0b 40 02 6b 6b 05 31 32 33 34 35", one); // 42 bytes of room, 39 taken.
    expect(decode("7e 05 35 34 33 32 31", one)).toEqual(["kk: 54321"]);
    expect([one.table.length, one.table.at(0)?.value]).toEqual([1, "54321"]);
  });

  it("§6.2.2, §6.2.3: literals that are not indexed leave the table as it is", () => {
    const one = decoder();
    decode("00 01 61 01 62 10 01 61 01 62 01 01 62 11 01 62", one);
    expect(one.table.length).toBe(0);
  });

  it("§4.2, §6.3: several size updates at the start, up to the limit, are taken", () => {
    const one = decoder();
    decode("40 01 61 01 62", one);
    expect(decode("20 3f e1 1f 82", one)).toEqual([":method: GET"]);
    expect(one.table.length).toBe(0);
  });

  it("§3.2: an empty block is an empty list, and the tables outlive it", () => {
    const one = decoder();
    decode("40 01 61 01 62", one);
    expect(decode("", one)).toEqual([]);
    expect(decode("be", one)).toEqual(["a: b"]);
  });
});
