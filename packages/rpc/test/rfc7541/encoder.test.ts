/** RFC 7541, what an encoder must do, seen on the blocks that it writes. */
import { toHex } from "@sagong/base";
import { describe, expect, it } from "vitest";
import type { HeaderField } from "../../src/http2/hpack/header-field.js";
import { HpackDecoder } from "../../src/http2/hpack/hpack-decoder.js";
import { HpackEncoder } from "../../src/http2/hpack/hpack-encoder.js";

const decoder = (): HpackDecoder => new HpackDecoder({ listBytesMax: 1_000_000 });
const kept = (name: string, value: string): HeaderField => ({
  name,
  value,
  indexing: "incremental",
});
const linesOf = (fields: readonly HeaderField[]): string[] =>
  fields.map(({ name, value }) => `${name}: ${value}`);

describe("RFC 7541 as an encoder", () => {
  it("§2.1: MUST keep the order of the list, of equal names and equal fields too", () => {
    const fields = [kept("a", "2"), kept("a", "1"), kept("b", ""), kept("a", "2"), kept("a", "1")];
    const [encoder, other] = [new HpackEncoder(), decoder()];
    for (let i = 0; i < 3; i++) {
      expect(linesOf(other.decode(encoder.encode(fields)).fields)).toEqual(linesOf(fields));
    }
  });

  it("§4.2: the table MUST stay at or below what the peer allows", () => {
    const encoder = new HpackEncoder();
    for (const limit of [4_096, 100, 0, 64, 2 ** 32 - 1]) {
      encoder.limitTable(limit);
      for (let i = 0; i < 200; i++) encoder.encode([kept(`name-${i}`, `value-${limit}`)]);
      expect(encoder.table.bytes).toBeLessThanOrEqual(limit);
    }
  });

  it("§4.2: a change MUST be told at the start of the next block, and once", () => {
    const encoder = new HpackEncoder();
    encoder.limitTable(0);
    expect(toHex(encoder.encode([]))).toBe("20");
    expect(toHex(encoder.encode([]))).toBe("");
  });

  it("§4.2: of several changes MUST tell the smallest and the last, at most two", () => {
    const told = (...limits: readonly number[]): string => {
      const encoder = new HpackEncoder();
      for (const limit of limits) encoder.limitTable(limit);
      return toHex(encoder.encode([]));
    };
    expect(told(10, 5, 20, 7)).toBe("2527");
    expect(told(10, 20)).toBe("2a34");
    expect(told(20, 10)).toBe("2a");
    expect(told(0, 4_096)).toBe("203fe11f");
    // Back where it was, but it was smaller in between: the decoder has to evict (§4.3).
    expect(told(4_096)).toBe("");
  });

  it("§4.3: what left the table when it was smaller is not referred to", () => {
    const encoder = new HpackEncoder();
    const other = decoder();
    const field = kept("custom", "value");
    other.decode(encoder.encode([field]));
    encoder.limitTable(0);
    encoder.limitTable(4_096);
    expect(linesOf(other.decode(encoder.encode([field])).fields)).toEqual(["custom: value"]);
    expect(other.table.length).toBe(encoder.table.length);
  });

  it("§6.2.3, §7.1.3: a field that is never to be indexed MUST be a literal of that kind, always", () => {
    const encoder = new HpackEncoder();
    const secret: HeaderField = { name: "authorization", value: "x", indexing: "never" };
    const unnamed: HeaderField = { name: "my-key", value: "y", indexing: "never" };
    // Even where the tables hold the very field.
    encoder.encode([kept("my-key", "y"), kept("authorization", "x")]);
    for (let i = 0; i < 3; i++) {
      expect((encoder.encode([secret])[0] ?? 0) & 0xf0).toBe(0x10);
      expect((encoder.encode([unnamed])[0] ?? 0) & 0xf0).toBe(0x10);
    }
    expect(encoder.table.length).toBe(2);
  });

  it("§6.2.3: what a decoder marks so is written so again", () => {
    const { fields } = decoder().decode(
      new HpackEncoder().encode([{ name: "a", value: "b", indexing: "never" }]),
    );
    expect((new HpackEncoder().encode(fields)[0] ?? 0) & 0xf0).toBe(0x10);
  });

  it("§4.4: a field larger than the table does not empty it", () => {
    const encoder = new HpackEncoder();
    encoder.encode([kept("a", "b")]);
    encoder.encode([kept("big", "x".repeat(5_000))]);
    expect(encoder.table.length).toBe(1);
  });
});
