import { describe, expect, it } from "vitest";
import { alignedZeros, CHUNK_BYTES, giveBackChunk, lendChunk } from "./aligned-memory.js";

describe("lendChunk()", () => {
  it("lends each chunk to one at a time, and only so many", () => {
    const lent: Uint8Array[] = [];
    for (let chunk = lendChunk(); chunk; chunk = lendChunk()) lent.push(chunk);
    expect(lent).toHaveLength(16);
    expect(new Set(lent.map(({ buffer }) => buffer)).size).toBe(16);
    expect(lent.every(({ length }) => length === CHUNK_BYTES)).toBe(true);
    const [first, second] = lent as [Uint8Array, Uint8Array];
    giveBackChunk(first);
    expect(lendChunk()).toBe(first);
    expect(lendChunk()).toBeUndefined();
    giveBackChunk(second);
    expect(lendChunk()).toBe(second);
    for (const chunk of lent) giveBackChunk(chunk);
  });

  it("zeros are lent to nobody", () => {
    const zeros = alignedZeros();
    expect(zeros).toHaveLength(CHUNK_BYTES);
    const lent: Uint8Array[] = [];
    for (let chunk = lendChunk(); chunk; chunk = lendChunk()) lent.push(chunk);
    expect(lent).not.toContain(zeros);
    for (const chunk of lent) giveBackChunk(chunk);
  });
});
