import { readFileSync } from "node:fs";
import { fromHex, toHex } from "@sagong/base";
import { describe, expect, it } from "vitest";
import type { HeaderField, HeaderIndexing } from "./header-field.js";
import { HpackDecoder } from "./hpack-decoder.js";
import { HpackEncoder } from "./hpack-encoder.js";

const TESTDATA = new URL("../../../test/testdata/hpack/rfc7541-appendix-c.txt", import.meta.url);

interface Vector {
  readonly section: string;
  readonly title: string;
  readonly bytes: string;
  readonly fields: readonly string[];
  readonly size: number;
  readonly entries: readonly string[];
}

const vectors = readFileSync(TESTDATA, "utf8").split("\n\n").slice(1).map(parseVector);

function parseVector(text: string): Vector {
  const [title = "", ...lines] = text.trim().split("\n");
  const all = (key: string): string[] =>
    lines.filter((line) => line.startsWith(`${key} `)).map((line) => line.slice(key.length + 1));
  return {
    section: title.split(" ")[0] ?? "",
    title,
    bytes: (all("bytes")[0] ?? "").replaceAll(" ", ""),
    fields: all("field"),
    size: Number(all("size")[0]),
    entries: all("entry"),
  };
}

function vectorsOf(section: string): Vector[] {
  return vectors.filter((vector) => vector.section.startsWith(`${section}.`));
}

function textOf({ name, value }: HeaderField): string {
  return `${name}: ${value}`;
}

function fieldOf(text: string, indexing: HeaderIndexing = "incremental"): HeaderField {
  const colon = text.indexOf(":", 1);
  return { name: text.slice(0, colon), value: text.slice(colon + 2), indexing };
}

function tableOf({ table }: HpackDecoder | HpackEncoder): string[] {
  return Array.from({ length: table.length }, (_, i) => {
    const entry = table.at(i);
    return entry === undefined ? "none" : textOf(entry);
  });
}

function decodes(decoder: HpackDecoder, vector: Vector): void {
  const { fields } = decoder.decode(fromHex(vector.bytes) ?? new Uint8Array());
  expect(fields.map(textOf)).toEqual(vector.fields);
  expect(tableOf(decoder)).toEqual(vector.entries);
  expect(decoder.table.bytes).toBe(vector.size);
}

describe("RFC 7541 Appendix C", () => {
  it("has all its vectors here", () => {
    expect(vectors.map(({ section }) => section)).toEqual(
      ["C.2.1", "C.2.2", "C.2.3", "C.2.4"].concat(
        [3, 4, 5, 6].flatMap((part) => [1, 2, 3].map((i) => `C.${part}.${i}`)),
      ),
    );
  });

  it.each(vectorsOf("C.2"))("$title: decode()", (vector) => {
    decodes(new HpackDecoder({ listBytesMax: 1000 }), vector);
  });

  it.each(["C.3", "C.4"])("%s requests: decode() on one connection", (section) => {
    const decoder = new HpackDecoder({ listBytesMax: 1000 });
    for (const vector of vectorsOf(section)) decodes(decoder, vector);
  });

  it.each(["C.5", "C.6"])("%s responses: decode() with a table of 256", (section) => {
    const decoder = new HpackDecoder({ listBytesMax: 1000 });
    // 3f e1 01 sets the table to 256, as these examples have it.
    decoder.decode(Uint8Array.of(0x3f, 0xe1, 0x01));
    for (const vector of vectorsOf(section)) decodes(decoder, vector);
  });

  it("C.2.3 keeps what must never be indexed so, both ways", () => {
    const [vector] = vectorsOf("C.2").filter(({ section }) => section === "C.2.3");
    const { fields } = new HpackDecoder({ listBytesMax: 1000 }).decode(
      fromHex(vector?.bytes ?? "") ?? new Uint8Array(),
    );
    expect(fields[0]?.indexing).toBe("never");
    const again = new HpackEncoder().encode(fields);
    expect(again[0]).toBe(0x10);
    expect(new HpackDecoder({ listBytesMax: 1000 }).decode(again).fields).toEqual(fields);
  });

  it("C.4 requests: encode() gives the same bytes", () => {
    const encoder = new HpackEncoder();
    for (const vector of vectorsOf("C.4")) {
      const block = encoder.encode(vector.fields.map((text) => fieldOf(text)));
      expect(toHex(block)).toBe(vector.bytes);
      expect(tableOf(encoder)).toEqual(vector.entries);
    }
  });

  it("C.6 responses: encode() gives the same bytes with a table of 256", () => {
    const encoder = new HpackEncoder();
    encoder.limitTable(256);
    expect(toHex(encoder.encode([]))).toBe("3fe101");
    for (const vector of vectorsOf("C.6")) {
      const block = encoder.encode(vector.fields.map((text) => fieldOf(text)));
      // "307" takes three octets either way: the RFC codes it, we leave it as it is.
      expect(toHex(block)).toBe(vector.bytes.replace("4883640eff", "4803333037"));
      expect(tableOf(encoder)).toEqual(vector.entries);
    }
  });
});
