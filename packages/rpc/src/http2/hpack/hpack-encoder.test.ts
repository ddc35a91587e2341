import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { HeaderField } from "./header-field.js";
import { HpackDecoder } from "./hpack-decoder.js";
import { HpackEncoder } from "./hpack-encoder.js";

const octets = fc.string({
  unit: fc.nat(255).map((code) => String.fromCharCode(code)),
  maxLength: 40,
});
const name = fc.oneof(fc.constantFrom(":status", "content-type", "a", "b", "grpc-status"), octets);
const value = fc.oneof(fc.constantFrom("200", "0", "", "application/grpc"), octets);
const field: fc.Arbitrary<HeaderField> = fc.record({
  name,
  value,
  indexing: fc.constantFrom("incremental", "without", "never"),
});
const list = fc.array(field, { maxLength: 8 });

type Step =
  | { readonly kind: "list"; readonly fields: readonly HeaderField[] }
  | { readonly kind: "shared"; readonly index: number }
  | { readonly kind: "limit"; readonly bytes: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant("list" as const), fields: list }),
  fc.record({ kind: fc.constant("shared" as const), index: fc.nat(2) }),
  fc.record({ kind: fc.constant("limit" as const), bytes: fc.nat(400) }),
);

const plain = (fields: readonly HeaderField[]): unknown =>
  fields.map((one) => ({ name: one.name, value: one.value }));

const SHARED: readonly (readonly HeaderField[])[] = [
  [
    { name: ":status", value: "200" },
    { name: "content-type", value: "application/grpc", indexing: "incremental" },
  ],
  [{ name: "grpc-status", value: "0", indexing: "incremental" }],
  [{ name: "grpc-message", value: "no" }],
];

describe("HpackEncoder", () => {
  it("is understood by HpackDecoder, block after block, through any change of table size", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const encoder = new HpackEncoder();
        const decoder = new HpackDecoder({ listBytesMax: 100_000 });
        for (const one of steps) {
          if (one.kind === "limit") {
            encoder.limitTable(one.bytes);
            decoder.limitTable(one.bytes);
            continue;
          }
          const fields = one.kind === "list" ? one.fields : (SHARED[one.index] ?? []);
          const block = one.kind === "list" ? encoder.encode(fields) : encoder.encodeShared(fields);
          expect(plain(decoder.decode(block).fields)).toEqual(plain(fields));
          expect(decoder.table.bytes).toBe(encoder.table.bytes);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("encodeShared() gives the very same block until the table changes", () => {
    const encoder = new HpackEncoder();
    const [headers = []] = SHARED;
    encoder.encodeShared(headers);
    const block = encoder.encodeShared(headers);
    expect(block).toHaveLength(2);
    expect(encoder.encodeShared(headers)).toBe(block);
    encoder.encode([{ name: "other", value: "1", indexing: "incremental" }]);
    expect(encoder.encodeShared(headers)).not.toBe(block);
  });

  it("encode() refuses a character that is no octet, and stays in step", () => {
    const encoder = new HpackEncoder();
    const good: HeaderField = { name: "a", value: "b", indexing: "incremental" };
    expect(() => encoder.encode([good, { name: "c", value: "∂" }])).toThrow(RangeError);
    const decoder = new HpackDecoder({ listBytesMax: 1000 });
    expect(plain(decoder.decode(encoder.encode([good])).fields)).toEqual(plain([good]));
  });

  it("limitTable() signals the smallest size of an interval, then the last one (§4.2)", () => {
    const encoder = new HpackEncoder();
    encoder.limitTable(0);
    encoder.limitTable(100);
    expect([...encoder.encode([])]).toEqual([0x20, 0x3f, 0x45]);
    expect([...encoder.encode([])]).toEqual([]);
  });
});
