import { execFileSync } from "node:child_process";
import { constants, mkdtempSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CachedLogFile } from "./cached-log-file.js";
import { BLOCK_BYTES, DirectLogFile, DirectMemory } from "./direct-log-file.js";

const MIB = 1024 * 1024;
const memory = new DirectMemory();

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(`${tmpdir()}/sagong-direct-`);
  path = `${dir}/one`;
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function openDirect({
  how = 0,
  blockBytes = BLOCK_BYTES,
  at = path,
  onClose = (): void => {},
} = {}): Promise<DirectLogFile | undefined> {
  const cached = await CachedLogFile.open(at, how);
  const direct = await DirectLogFile.over(cached, at, { memory, onClose, blockBytes });
  if (!direct) await cached.close();
  return direct;
}

/** A tmpfs is nothing but cache. */
function hasCacheBehind(folder: string): boolean {
  const TMPFS_MAGIC = 0x01021994;
  return process.platform === "linux" && statfsSync(folder).type !== TMPFS_MAGIC;
}

function cachedPages(file: string): number {
  return Number(execFileSync("fincore", ["--noheadings", "--output", "PAGES", file]));
}

function pattern(i: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = 1 + ((i * 31 + at) % 255);
  return bytes;
}

/** A record's length: within a block, over some, over the memory's end. */
const length = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 3 * BLOCK_BYTES }) },
  { weight: 2, arbitrary: fc.constantFrom(BLOCK_BYTES, 2 * BLOCK_BYTES, MIB, MIB + 1) },
  { weight: 1, arbitrary: fc.integer({ min: MIB - BLOCK_BYTES, max: 2 * MIB + BLOCK_BYTES }) },
);

describe("DirectLogFile", () => {
  it.each([BLOCK_BYTES, 8])(
    "has each record behind the one before and zeros behind the last, however long, and over restarts (blocks of %i)",
    async (blockBytes) => {
      const zeroSizes = fc.integer({ min: 1, max: 4 * MIB });
      const runs = fc.array(fc.tuple(zeroSizes, fc.array(length, { maxLength: 12 })), {
        minLength: 1,
        maxLength: 3,
      });
      await fc.assert(
        fc.asyncProperty(runs, async (opened) => {
          rmSync(path, { force: true });
          let how = constants.O_CREAT | constants.O_EXCL;
          const parts: Uint8Array[] = [];
          let end = 0;
          for (const [zeros, lengths] of opened) {
            const file = await openDirect({ how, blockBytes });
            if (!file) return;
            how = 0;
            await file.writeZeros(zeros, Math.max(end, file.sizeBytes));
            for (const one of lengths) {
              const part = pattern(parts.length, one);
              parts.push(part);
              const half = one >> 1;
              await file.writeDurably([part.subarray(0, half), part.subarray(half)], end);
              end += one;
            }
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

  it("leaves nothing in the kernel's cache of what is written where zeros were", async (context) => {
    if (!hasCacheBehind(dir)) return context.skip("needs a disk's file system on Linux");
    const file = await openDirect({ how: constants.O_CREAT });
    await file?.writeZeros(16 * BLOCK_BYTES, 0);
    await file?.writeDurably([pattern(1, 10_000)], 0);
    await file?.writeDurably([pattern(2, 10_000)], 10_000);
    await file?.close();
    expect(cachedPages(path)).toBe(0);
    const bytes = readFileSync(path);
    expect(Buffer.compare(bytes.subarray(10_000, 20_000), pattern(2, 10_000))).toBe(0);
    expect(cachedPages(path)).toBe(16);
  });

  it("changes nothing behind a write that is followed by other bytes than zeros", async () => {
    const file = await openDirect({ how: constants.O_CREAT });
    if (!file) return;
    await file.writeDurably([pattern(1, 3 * BLOCK_BYTES)], 0);
    await file.writeZeros(BLOCK_BYTES, 3 * BLOCK_BYTES);
    await file.writeDurably([pattern(2, 100)], 50);
    await file.close();
    const expected = Buffer.concat([pattern(1, 3 * BLOCK_BYTES), Buffer.alloc(BLOCK_BYTES)]);
    expected.set(pattern(2, 100), 50);
    expect(Buffer.compare(readFileSync(path), expected)).toBe(0);
  });

  it("is not where the file's system has no such writes", async (context) => {
    if (process.platform !== "linux") return context.skip("needs Linux");
    expect(await openDirect({ at: "/proc/self/comm" })).toBeUndefined();
  });

  it("keeps the memory until what is being written is written", async () => {
    const events: string[] = [];
    const file = await openDirect({
      how: constants.O_CREAT,
      onClose: () => events.push("closed"),
    });
    if (!file) return;
    await file.writeZeros(4 * BLOCK_BYTES, 0);
    const writing = file.writeDurably([pattern(1, 5_000)], 0).then(() => events.push("written"));
    await file.close();
    await writing;
    expect(events).toEqual(["written", "closed"]);
  });
});
