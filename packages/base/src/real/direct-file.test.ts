import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CHUNK_BYTES } from "./aligned-memory.js";
import { DirectFile } from "./direct-file.js";

const BLOCK_BYTES = 4_096;

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(`${tmpdir()}/sagong-direct-`);
  path = `${dir}/one`;
  writeFileSync(path, "");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A tmpfs is nothing but cache, and another system has no such writes. */
function isOnDisk(): boolean {
  const TMPFS_MAGIC = 0x01021994;
  return process.platform === "linux" && statfsSync(dir).type !== TMPFS_MAGIC;
}

function cachedPages(): number {
  return Number(execFileSync("fincore", ["--noheadings", "--output", "PAGES", path]));
}

function pattern(i: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = 1 + ((i * 31 + at) % 255);
  return bytes;
}

/** Within a block, over some, over a chunk's end. */
const length = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 3 * BLOCK_BYTES }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(BLOCK_BYTES, 2 * BLOCK_BYTES, CHUNK_BYTES, CHUNK_BYTES + 1),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: CHUNK_BYTES - BLOCK_BYTES, max: 2 * CHUNK_BYTES + BLOCK_BYTES }),
  },
);

describe("DirectFile", () => {
  it.each([true, false])(
    "has each write behind the one before and zeros up to a block's end, also when it was opened anew (durable: %s)",
    async (isDurable) => {
      const runs = fc.array(fc.array(length, { maxLength: 12 }), { minLength: 1, maxLength: 3 });
      await fc.assert(
        fc.asyncProperty(runs, async (opened) => {
          writeFileSync(path, "");
          const parts: Uint8Array[] = [];
          let end = 0;
          for (const lengths of opened) {
            const file = await DirectFile.open(path, { isDurable });
            if (!file) return;
            for (const one of lengths) {
              const part = pattern(parts.length, one);
              parts.push(part);
              const half = one >> 1;
              await file.write([part.subarray(0, half), part.subarray(half)], end);
              end += one;
            }
            await file.close();
          }
          const bytes = readFileSync(path);
          expect(bytes.length % BLOCK_BYTES).toBe(0);
          expect(bytes.length - end).toBeLessThan(BLOCK_BYTES);
          expect(Buffer.compare(bytes.subarray(0, end), Buffer.concat(parts))).toBe(0);
          expect(bytes.subarray(end).every((byte) => byte === 0)).toBe(true);
        }),
        { numRuns: 40 },
      );
    },
  );

  it("leaves nothing in the kernel's cache", async (context) => {
    if (!isOnDisk()) return context.skip("needs a disk's file system on Linux");
    const file = await DirectFile.open(path, { isDurable: true });
    expect(await file?.writeZeros(0, 16 * BLOCK_BYTES)).toBe(true);
    expect(await file?.write([pattern(1, 10_000)], 0)).toBe(true);
    expect(await file?.write([pattern(2, 10_000)], 10_000)).toBe(true);
    expect(cachedPages()).toBe(0);
    const bytes = readFileSync(path);
    expect(bytes).toHaveLength(16 * BLOCK_BYTES);
    expect(Buffer.compare(bytes.subarray(10_000, 20_000), pattern(2, 10_000))).toBe(0);
    expect(cachedPages()).toBe(16);
    // A reader's page does not stay as it was.
    expect(await file?.write([pattern(3, 100)], 20_000)).toBe(true);
    expect(Buffer.compare(readFileSync(path).subarray(20_000, 20_100), pattern(3, 100))).toBe(0);
    await file?.close();
  });

  it("says that the system refuses what is not of its blocks, and goes on saying so", async (context) => {
    if (!isOnDisk()) return context.skip("needs a disk's file system on Linux");
    // Disks write 512 bytes or more at once.
    const file = await DirectFile.open(path, { isDurable: false, blockBytes: 8 });
    expect(await file?.write([pattern(1, 12)], 0)).toBe(false);
    expect(await file?.write([pattern(1, BLOCK_BYTES)], 0)).toBe(false);
    expect(await file?.writeZeros(0, BLOCK_BYTES)).toBe(false);
    await file?.close();
    expect(readFileSync(path)).toHaveLength(0);
  });

  it("is not where the file's system has no such writes", async () => {
    expect(await DirectFile.open("/proc/self/comm", { isDurable: false })).toBeUndefined();
  });

  it("rejects with the system's error for another failure", async () => {
    if (process.platform !== "linux") return;
    await expect(DirectFile.open(`${dir}/none`, { isDurable: true })).rejects.toThrow("ENOENT");
  });
});
