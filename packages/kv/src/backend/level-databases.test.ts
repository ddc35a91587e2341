import { execFile } from "node:child_process";
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { encodeUtf8 } from "@sagong/base";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { databasesSuite } from "../testing/databases-suite.js";
import { levelDatabases } from "./level-databases.js";
import { endOfSoundLog } from "./level-log.js";

databasesSuite("levelDatabases", async () => {
  const dir = await mkdtemp(`${tmpdir()}/sagong-databases-`);
  return {
    databases: levelDatabases,
    dir: `${dir}/store`,
    remove: () => rm(dir, { recursive: true, force: true }),
  };
});

describe("levelDatabases.open() of a damaged log", () => {
  const BATCHES = 40;
  let root: string;
  let dir: string;
  let path: string;

  const open = () => levelDatabases.open(dir, { writeBufferBytes: 4 * 1024 * 1024 });

  /** Each batch is of several blocks of LevelDB's log, or of a part of one. */
  beforeEach(async () => {
    root = await mkdtemp(`${tmpdir()}/sagong-level-log-`);
    dir = `${root}/store`;
    const database = await open();
    for (let i = 0; i < BATCHES; i++) {
      const batch = database.batch();
      batch.put(encodeUtf8(`key ${i}`), new Uint8Array(i % 4 === 0 ? 40_000 : 3_000).fill(i + 1));
      await batch.write();
    }
    await database.close();
    path = `${dir}/${readdirSync(dir).find((name) => name.endsWith(".log"))}`;
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  /** Which batches are there. */
  async function found(): Promise<number[]> {
    const database = await open();
    const all = Array.from({ length: BATCHES }, (_, i) => i);
    const there = all.filter((i) => database.getSync(encodeUtf8(`key ${i}`)) !== undefined);
    await database.close();
    return there;
  }

  it("reads a sound log to its end, and to any place where it was cut off", () => {
    const log = readFileSync(path);
    expect(endOfSoundLog(log)).toBe(log.length);
    const ends = new Set<number>();
    for (let length = 0; length < log.length; length += 997) {
      const end = endOfSoundLog(log.subarray(0, length));
      expect(end).toBeLessThanOrEqual(length);
      ends.add(end);
    }
    expect(ends.size).toBeGreaterThan(BATCHES / 2);
  });

  it.each([0.1, 0.3, 0.5, 0.8, 0.99])("ends it at the fault (%d of it)", async (part) => {
    const log = readFileSync(path);
    const at = Math.floor(part * log.length);
    log[at] = (log[at] ?? 0) ^ 1;
    writeFileSync(path, log);
    const there = await found();
    // LevelDB by itself would miss some in the middle.
    expect(there).toEqual(there.map((_, i) => i));
    expect(there.length).toBeLessThan(BATCHES);
    expect(there.length).toBeGreaterThan(Math.floor(part * BATCHES) - 6);
    expect(readdirSync(root)).toEqual(["store"]);
  });

  it("ends it where pages never reached the disk", async () => {
    const log = readFileSync(path);
    log.fill(0, 100 * 4_096, 101 * 4_096);
    writeFileSync(path, log);
    const there = await found();
    expect(there).toEqual(there.map((_, i) => i));
    expect(there.length).toBeLessThan(BATCHES);
    const again = await found();
    expect(again).toEqual(there);
  });

  it("cuts nothing off that is whole, and a torn end only", async () => {
    const { size } = statSync(path);
    truncateSync(path, size - 1);
    expect(await found()).toHaveLength(BATCHES - 1);
  });

  it("refuses a log that is damaged where another stands behind it", async () => {
    const log = readFileSync(path);
    writeFileSync(path.replace(/\d+\.log$/, "999999.log"), log);
    log[5_000] = (log[5_000] ?? 0) ^ 1;
    writeFileSync(path, log);
    await expect(open()).rejects.toThrow(/is damaged at offset \d+ of \d+, with a log behind it/);
  });

  it("leaves the log alone that another process writes to", async () => {
    const script = `
      const { ClassicLevel } = require("classic-level");
      const db = new ClassicLevel(process.argv[1]);
      db.open().then(() => { console.log("open"); setTimeout(() => {}, 60_000); });
    `;
    const other = execFile(process.execPath, ["-e", script, dir]);
    try {
      await new Promise<void>((resolve) => other.stdout?.once("data", () => resolve()));
      const live = `${dir}/${readdirSync(dir).find((name) => name.endsWith(".log"))}`;
      writeFileSync(live, "a record that is being written");
      const error: unknown = await open().catch((reason: unknown) => reason);
      expect(error).toMatchObject({ cause: { code: "LEVEL_LOCKED" } });
      expect(readFileSync(live, "utf8")).toBe("a record that is being written");
    } finally {
      other.kill();
      await new Promise<void>((resolve) => other.once("exit", () => resolve()));
    }
  });
});
