import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { entry, INITIAL, logStorageSuite } from "../testing/log-storage-suite.js";
import { FileLogStorage } from "./file-log-storage.js";

const options = (dir: string) => ({
  dir,
  clusterId: 0xc1n,
  memberId: 0x1n,
  initial: INITIAL,
  segmentBytes: 1000,
});

logStorageSuite("FileLogStorage", async () => {
  const dir = mkdtempSync(`${tmpdir()}/sagong-log-`);
  return {
    open: () => FileLogStorage.open(options(dir)),
    remove: async () => rmSync(dir, { recursive: true, force: true }),
  };
});

describe("FileLogStorage after a crash", () => {
  let dir: string;
  const path = (): string => `${dir}/${readdirSync(dir).toSorted().at(-1)}`;
  const open = () => FileLogStorage.open({ ...options(dir), segmentBytes: 1_000_000 });

  beforeEach(async () => {
    dir = mkdtempSync(`${tmpdir()}/sagong-log-`);
    const storage = await open();
    for (let i = 1; i <= 5; i++) await storage.append({ entries: [entry(i, 1, `entry ${i}`)] });
    await storage.close();
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it("cuts a torn last record at every byte of it, and goes on", async () => {
    const whole = readFileSync(path());
    const lastRecord = 12 + 20; // At least so many bytes belong to the last record.
    for (let missing = 1; missing < lastRecord; missing++) {
      writeFileSync(path(), whole.subarray(0, whole.length - missing));
      const storage = await open();
      expect(storage.stored.entries.length).toBeGreaterThanOrEqual(3);
      const next = storage.stored.entries.length + 1;
      await storage.append({ entries: [entry(next, 2, "after")] });
      await storage.close();
      const again = await open();
      expect(again.stored.entries.at(-1)).toEqual(entry(next, 2, "after"));
      await again.close();
    }
  });

  it("refuses damage before the last record, naming file and offset, at every byte", async () => {
    const whole = readFileSync(path());
    for (let at = 0; at < whole.length - 60; at++) {
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] ?? 0) ^ 0x10;
      writeFileSync(path(), bytes);
      await expect(open()).rejects.toThrow(/0000000000000001\.wal is damaged at offset \d+ of \d+/);
    }
  });

  it("refuses a log of another member", async () => {
    await expect(FileLogStorage.open({ ...options(dir), memberId: 0x2n })).rejects.toThrow(
      "is of member 1 in cluster c1, expected member 2 in cluster c1",
    );
  });

  it("a segment that lost even its first record is made whole again", async () => {
    truncateSync(path(), 5);
    const storage = await open();
    expect(storage.stored.entries).toEqual([]);
    await storage.append({ entries: [entry(1, 1)] });
    await storage.close();
    expect((await open()).stored.entries).toHaveLength(1);
  });
});
