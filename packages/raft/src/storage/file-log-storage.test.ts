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
import type { Entry } from "../core/types.js";
import { nodeLogFiles } from "../disk/node-log-files.js";
import { LogIdentity, LogRecord } from "../gen/raft.js";
import { FileLogStorage } from "./file-log-storage.js";
import { entryFromMessage } from "./record-codec.js";
import { encodeLogRecord } from "./record-parts.js";
import { recordHead } from "./segment-format.js";

const options = (dir: string) => ({
  files: nodeLogFiles(dir),
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
  const open = () => FileLogStorage.open({ ...options(dir), segmentBytes: 4_096 });
  /** Behind the last byte that was written. */
  const endOfRecords = (bytes: Uint8Array): number => bytes.findLastIndex((byte) => byte !== 0) + 1;

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
      writeFileSync(path(), whole.subarray(0, endOfRecords(whole) - missing));
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
    for (let at = 0; at < endOfRecords(whole) - 60; at++) {
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] ?? 0) ^ 0x10;
      writeFileSync(path(), bytes);
      await expect(open()).rejects.toThrow(/0000000000000001\.wal is damaged at offset \d+ of \d+/);
    }
  });

  it("refuses a log that misses a segment, or entries between two, and says what to do", async () => {
    const small = () => FileLogStorage.open(options(dir));
    const storage = await small();
    for (let i = 6; i <= 60; i++) {
      await storage.append({ entries: [entry(i, 1, "x".repeat(200))] });
    }
    await storage.close();
    const [, second = ""] = readdirSync(dir).toSorted();
    rmSync(`${dir}/${second}`);
    await expect(small()).rejects.toThrow(
      /a segment is missing before .*, expected number 2; restore this member from its peers$/,
    );
    writeFileSync(`${dir}/${second}`, "");
    await expect(small()).rejects.toThrow(
      /entry \d+ follows where \d+ was expected; restore this member from its peers$/,
    );
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
    const again = await open();
    expect(again.stored.entries).toHaveLength(1);
    await again.close();
  });

  it("goes on behind the last record in a file with zeros behind it", async () => {
    const length = readFileSync(path()).length;
    expect(length).toBe(4_096);
    for (let i = 6; i <= 8; i++) {
      const storage = await open();
      await storage.append({ entries: [entry(i, 1, `entry ${i}`)] });
      await storage.close();
    }
    const again = await open();
    expect(again.stored.entries.map(({ index }) => index)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    await again.close();
    expect(readFileSync(path())).toHaveLength(length);
  });

  it("cuts a last record that lost a sector, and what is prepared behind it", async () => {
    const storage = await open();
    await storage.append({ entries: [entry(6, 1, "x".repeat(2_000))] });
    await storage.close();
    const bytes = readFileSync(path());
    bytes.fill(0, 1_024, 1_536);
    writeFileSync(path(), bytes);
    const again = await open();
    expect(again.stored.entries).toHaveLength(5);
    await again.append({ entries: [entry(6, 2, "y".repeat(900))] });
    await again.close();
    const last = await open();
    expect(last.stored.entries.at(-1)).toEqual(entry(6, 2, "y".repeat(900)));
    await last.close();
  });

  it("refuses entries of another format", async () => {
    const identity = LogIdentity.create({ clusterId: 0xc1n, memberId: 0x1n });
    const payload = LogRecord.encode(LogRecord.create({ identity }));
    writeFileSync(path(), Buffer.concat([recordHead([payload]), payload]));
    await expect(open()).rejects.toThrow("has entries of format 0, expected 2");
  });
});

describe("FileLogStorage of large batches", () => {
  const large = (index: number, length: number): Entry => ({
    index,
    term: 3,
    kind: "normal",
    data: Uint8Array.from({ length }, (_, i) => (i * 7 + index) & 0xff),
  });

  it("writes what the generated code would, and reads it again", async () => {
    const sizes = [4_095, 4_096, 5_000, 10, 300_000, 0];
    const entries = sizes.map((length, i) => large(2 ** 31 + i, length));
    const hardState = { term: 5, vote: 6n, commit: 7 };
    const record = LogRecord.decode(Buffer.concat(encodeLogRecord({ hardState }, entries)));
    expect(record.hardState).toEqual(hardState);
    expect(record.entries.map(entryFromMessage)).toEqual(entries);
  });

  it("keeps them beyond a segment's size and over restarts", async () => {
    const dir = mkdtempSync(`${tmpdir()}/sagong-log-`);
    const entries = [1, 2, 3, 4, 5].map((index) => large(index, 3_000_000));
    const open = () => FileLogStorage.open({ ...options(dir), segmentBytes: 6_000_000 });
    for (const one of entries) {
      const storage = await open();
      await storage.append({ entries: [one] });
      await storage.close();
    }
    const storage = await open();
    expect(storage.stored.entries.map(({ index }) => index)).toEqual([1, 2, 3, 4, 5]);
    for (const [i, { data }] of storage.stored.entries.entries()) {
      expect(Buffer.compare(data, entries[i]?.data ?? new Uint8Array(0))).toBe(0);
      expect(data.buffer.byteLength).toBeLessThanOrEqual(2 * data.length); // Not the whole file.
    }
    expect(readdirSync(dir).length).toBeGreaterThan(1);
    await storage.close();
    rmSync(dir, { recursive: true, force: true });
  });
});
