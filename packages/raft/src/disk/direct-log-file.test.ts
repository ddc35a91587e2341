import { constants, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { assert } from "@sagong/base";
import { hasDirectDisk, patternBytes } from "@sagong/base/testing";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CachedLogFile } from "./cached-log-file.js";
import { DirectLogFile } from "./direct-log-file.js";

const BLOCK_BYTES = 4_096;
const MIB = 1024 * 1024;

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(`${tmpdir()}/sagong-direct-`);
  path = `${dir}/one`;
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Of blocks that the disk takes, or of some that it refuses. */
async function openDirect(blockBytes = BLOCK_BYTES): Promise<DirectLogFile> {
  const cached = await CachedLogFile.open(path, constants.O_CREAT);
  const direct = await DirectLogFile.over(cached, path, { blockBytes });
  assert(direct, "the file cannot be written past the cache");
  return direct;
}

describe.skipIf(!hasDirectDisk())("DirectLogFile", () => {
  it.each([BLOCK_BYTES, 8])(
    "has each record behind the one before and zeros behind the last, and over restarts (blocks of %i)",
    async (blockBytes) => {
      const length = fc.oneof(
        { weight: 8, arbitrary: fc.integer({ min: 1, max: 3 * BLOCK_BYTES }) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 2 * MIB }) },
      );
      const zeros = fc.oneof(fc.integer({ min: 1, max: 4 * MIB }), fc.constant(MIB));
      const step = fc.record({ zeros: fc.option(zeros), length });
      const runs = fc.array(fc.array(step, { maxLength: 10 }), { minLength: 1, maxLength: 3 });
      await fc.assert(
        fc.asyncProperty(runs, async (opened) => {
          rmSync(path, { force: true });
          const parts: Uint8Array[] = [];
          let end = 0;
          for (const steps of opened) {
            const file = await openDirect(blockBytes);
            let prepared = file.sizeBytes;
            for (const one of steps) {
              const from = Math.max(end, prepared);
              if (one.zeros !== null) await file.writeZeros(one.zeros, from);
              if (one.zeros !== null) prepared = from + one.zeros;
              const part = patternBytes(parts.length, one.length);
              parts.push(part);
              await file.writeDurably([part.subarray(0, 1), part.subarray(1)], end);
              end += one.length;
            }
            await file.sync();
            await file.close();
          }
          const bytes = readFileSync(path);
          expect(Buffer.compare(bytes.subarray(0, end), Buffer.concat(parts))).toBe(0);
          expect(bytes.subarray(end).every((byte) => byte === 0)).toBe(true);
        }),
        { numRuns: 40 },
      );
    },
  );

  it("changes nothing behind a write that is followed by other bytes than zeros", async () => {
    const file = await openDirect();
    await file.writeDurably([patternBytes(1, 3 * BLOCK_BYTES)], 0);
    await file.writeZeros(BLOCK_BYTES, 3 * BLOCK_BYTES);
    await file.writeDurably([patternBytes(2, 100)], 50);
    await file.close();
    const expected = Buffer.concat([patternBytes(1, 3 * BLOCK_BYTES), Buffer.alloc(BLOCK_BYTES)]);
    expected.set(patternBytes(2, 100), 50);
    expect(Buffer.compare(readFileSync(path), expected)).toBe(0);
  });
});
