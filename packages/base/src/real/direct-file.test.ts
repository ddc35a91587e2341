import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { assert } from "../assert.js";
import { CHUNK_BYTES } from "./aligned-memory.js";
import { DirectFile, type DirectFileOptions } from "./direct-file.js";
import { hasDirectDisk, patternBytes } from "./testing/index.js";

const BLOCK_BYTES = 4_096;

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(`${tmpdir()}/sagong-direct-`);
  path = `${dir}/one`;
  writeFileSync(path, "");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function openDirect(options: DirectFileOptions): Promise<DirectFile> {
  const file = await DirectFile.open(path, options);
  assert(file, "the file cannot be written past the cache");
  return file;
}

/** How much of what `read` reads had to come from the disk (proc(5), `read_bytes`). */
function bytesFromDisk(read: () => void): number {
  const sum = (): number =>
    Number(/^read_bytes: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1]);
  const before = sum();
  read();
  return sum() - before;
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

describe.skipIf(!hasDirectDisk())("DirectFile", () => {
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
            const file = await openDirect({ isDurable });
            for (const one of lengths) {
              const part = patternBytes(parts.length, one);
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

  it("leaves nothing in the kernel's cache, and no reader with what was there before", async () => {
    const file = await openDirect({ isDurable: true });
    expect(await file.writeZeros(0, 4 * CHUNK_BYTES)).toBe(true);
    expect(await file.write([patternBytes(1, CHUNK_BYTES)], 0)).toBe(true);
    expect(await file.write([patternBytes(2, 10_000)], CHUNK_BYTES)).toBe(true);
    const read = (): Buffer => readFileSync(path);
    expect(bytesFromDisk(read)).toBeGreaterThanOrEqual(4 * CHUNK_BYTES);
    expect(bytesFromDisk(read)).toBeLessThan(CHUNK_BYTES);
    const end = CHUNK_BYTES + 10_000;
    expect(await file.write([patternBytes(3, 100)], end)).toBe(true);
    const expected = Buffer.alloc(4 * CHUNK_BYTES);
    expected.set(patternBytes(1, CHUNK_BYTES));
    expected.set(patternBytes(2, 10_000), CHUNK_BYTES);
    expected.set(patternBytes(3, 100), end);
    expect(Buffer.compare(read(), expected)).toBe(0);
    await file.close();
  });

  it("says that the system refuses what is not of its blocks, and goes on saying so", async () => {
    // Disks write 512 bytes or more at once.
    const file = await openDirect({ isDurable: false, blockBytes: 8 });
    expect(await file.write([patternBytes(1, 12)], 0)).toBe(false);
    expect(await file.write([patternBytes(1, BLOCK_BYTES)], 0)).toBe(false);
    expect(await file.writeZeros(0, BLOCK_BYTES)).toBe(false);
    await file.close();
    expect(readFileSync(path)).toHaveLength(0);
  });

  it("is not where the file's system has no such writes", async () => {
    expect(await DirectFile.open("/proc/self/comm", { isDurable: false })).toBeUndefined();
  });

  it("rejects with the system's error for another failure", async () => {
    await expect(DirectFile.open(`${dir}/none`, { isDurable: true })).rejects.toThrow("ENOENT");
  });
});
