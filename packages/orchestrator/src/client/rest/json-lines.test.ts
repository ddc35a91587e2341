import { Readable } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonLines } from "./json-lines.js";

async function valuesOf(body: Readable): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const value of jsonLines(body)) values.push(value);
  return values;
}

describe("jsonLines()", () => {
  it("jsonLines() gives every value, however the bytes are cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.jsonValue(), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 16 }), { minLength: 1, maxLength: 40 }),
        async (given, sizes) => {
          // As JSON has them: it does not tell -0 from 0.
          const values: unknown[] = given.map((value) => JSON.parse(JSON.stringify(value)));
          const bytes = Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join(""));
          const chunks: Buffer[] = [];
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const size = sizes[i % sizes.length] ?? 1;
            chunks.push(bytes.subarray(at, at + size));
            at += size;
          }
          expect(await valuesOf(Readable.from(chunks))).toEqual(values);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("jsonLines() ends at the last whole line when the stream breaks", async () => {
    const body = Readable.from(
      (function* chunks() {
        yield Buffer.from('{"a":1}\n{"b":');
        throw new Error("ECONNRESET");
      })(),
    );
    expect(await valuesOf(body)).toEqual([{ a: 1 }]);
  });

  it("jsonLines() throws where a whole line is no JSON", async () => {
    await expect(valuesOf(Readable.from([Buffer.from("{}\nHTTP 502\n")]))).rejects.toThrow(
      SyntaxError,
    );
  });

  it("jsonLines() refuses a line without an end", async () => {
    const body = Readable.from(
      (function* chunks() {
        for (let i = 0; i < 20; i++) yield Buffer.alloc(1024 * 1024, "a");
      })(),
    );
    await expect(valuesOf(body)).rejects.toThrow("Cannot read a line of");
  });
});
