import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { patternBytes } from "@sagong/base/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { nodeLogFiles } from "../disk/node-log-files.js";
import { SegmentFile } from "./segment-file.js";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(`${tmpdir()}/sagong-segment-`);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe("SegmentFile", () => {
  it("never writes zeros over what was appended, however much comes while it prepares", async () => {
    const [files, name, path] = [nodeLogFiles(dir), "one", `${dir}/one`];
    const sizeBytes = 12 * 1024 * 1024;
    const file = await SegmentFile.create({ files, name, sizeBytes });
    const parts: Uint8Array[] = [];
    // Small ones, ones as large as a step, and beyond the size.
    for (const length of [10, 300_000, 700_000, 1, 5_000_000, 60_000, 900_000, 6_500_000, 10]) {
      const part = patternBytes(parts.length, length);
      parts.push(part);
      await file.append([part.subarray(0, length >> 1), part.subarray(length >> 1)]);
    }
    await file.close();
    expect(Buffer.compare(readFileSync(path), Buffer.concat(parts))).toBe(0);
    expect(file.end).toBeGreaterThan(sizeBytes);
  });

  it("has zeros behind what was appended, up to its size and no further", async () => {
    const [files, name, path] = [nodeLogFiles(dir), "one", `${dir}/one`];
    const file = await SegmentFile.create({ files, name, sizeBytes: 100_000 });
    await file.append([patternBytes(1, 600)]);
    await file.close();
    const bytes = readFileSync(path);
    expect(bytes).toHaveLength(100_000);
    expect(Buffer.compare(bytes.subarray(0, 600), patternBytes(1, 600))).toBe(0);
    expect(bytes.subarray(600).every((byte) => byte === 0)).toBe(true);
  });

  it("goes on where it is told, and prepares what was cut off", async () => {
    const [files, name, path] = [nodeLogFiles(dir), "one", `${dir}/one`];
    const first = await SegmentFile.create({ files, name, sizeBytes: 50_000 });
    await first.append([patternBytes(1, 100), patternBytes(2, 100)]);
    await first.close();
    const again = await SegmentFile.open({ files, name, sizeBytes: 50_000 }, 100);
    await again.append([patternBytes(3, 100)]);
    await again.close();
    const expected = Buffer.concat([patternBytes(1, 100), patternBytes(3, 100)]);
    expect(Buffer.compare(readFileSync(path).subarray(0, 200), expected)).toBe(0);
    expect(statSync(path).size).toBe(50_000);
  });

  it("does not take another file's place", async () => {
    const options = { files: nodeLogFiles(dir), name: "one", sizeBytes: 1_000 };
    await (await SegmentFile.create(options)).close();
    await expect(SegmentFile.create(options)).rejects.toThrow("EEXIST");
  });
});
