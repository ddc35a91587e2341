import { encodeUtf8, hasCode } from "@sagong/base";
import type { StateMedium } from "@sagong/kv/parts";
import { FileLogStorage, type LogStorage } from "@sagong/raft";
import { entry, INITIAL } from "@sagong/raft/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { keepRunning } from "../../test/keep-running.js";
import { SimulatedWorld } from "../world/simulated-world.js";
import { SimulatedDisk } from "./simulated-disk.js";

let world: SimulatedWorld;
let disk: SimulatedDisk;
let failures: unknown[];
let stop: () => Promise<void>;

beforeEach(() => {
  world = new SimulatedWorld(7);
  disk = new SimulatedDisk({ world, name: "m" });
  failures = [];
  stop = keepRunning(world);
});
afterEach(() => stop());

const mount = () => disk.mount({ enter: (callback) => callback() });

/** Key spaces are the first byte of a key (mvcc/backend.ts). */
const SPACE_BLOCK = 0x76;

const openLog = (segmentBytes = 4_000): Promise<LogStorage> =>
  FileLogStorage.open({
    files: mount().logFiles,
    clusterId: 1n,
    memberId: 2n,
    initial: INITIAL,
    segmentBytes,
  });

const openMedium = async (): Promise<StateMedium> => {
  const mounted = mount();
  await mounted.prepare();
  return await mounted.openMedium({
    clock: world.clock,
    onError: (error) => failures.push(error),
  });
};

async function append(log: LogStorage, ...indexes: number[]): Promise<void> {
  for (const index of indexes) await log.append({ entries: [entry(index, 1, `entry ${index}`)] });
}

const indexesOf = ({ stored }: LogStorage): number[] => stored.entries.map(({ index }) => index);

/** What the next process finds in the log. */
async function reopened(loss: "process" | "power"): Promise<number[]> {
  disk.crash(loss);
  disk.faults.clear();
  return indexesOf(await openLog());
}

function put(medium: StateMedium, key: string, value: string): void {
  medium.put(encodeUtf8(key), encodeUtf8(value));
  medium.commit();
}

/** Of a block of versions (mvcc/revision.ts). */
function blockKey(main: number): Uint8Array {
  const key = new Uint8Array(14);
  key[0] = SPACE_BLOCK;
  new DataView(key.buffer).setUint32(5, main);
  key[13] = 1;
  return key;
}

/** The error that is at the bottom of another. */
async function causeOf(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
    return undefined;
  } catch (error) {
    let cause: unknown = error;
    while (cause instanceof Error && cause.cause !== undefined) cause = cause.cause;
    return cause;
  }
}

describe("SimulatedDisk and the log", () => {
  it("a full disk refuses what needs more room, and the log is closed for good", async () => {
    const log = await openLog();
    await append(log, 1);
    disk.faults.quotaBytes = disk.usedBytes;
    const large = { entries: [entry(2, 1, "x".repeat(9_000))] };
    expect(hasCode(await causeOf(log.append(large)), "ENOSPC")).toBe(true);
    disk.faults.clear();
    await expect(append(log, 3)).rejects.toThrow("Cannot write the raft log");
    expect(await reopened("process")).toEqual([1]);
  });

  it("a disk without room for zeros has room for records where the quota allows", async () => {
    disk.faults.quotaBytes = 2_000;
    const log = await openLog();
    await append(log, 1, 2, 3);
    expect(await reopened("power")).toEqual([1, 2, 3]);
  });

  it("a full area says so whatever the quota", async () => {
    const log = await openLog();
    disk.faults.full.add("log");
    await append(log, 1); // It finds room in what was prepared.
    const large = log.append({ entries: [entry(2, 1, "x".repeat(9_000))] });
    expect(hasCode(await causeOf(large), "ENOSPC")).toBe(true);
  });

  it.each(["writeErrors", "syncErrors"] as const)("%s fail an append for good", async (kind) => {
    const log = await openLog();
    await append(log, 1);
    disk.faults[kind].add("log");
    expect(hasCode(await causeOf(append(log, 2)), "EIO")).toBe(true);
    disk.faults.clear();
    // A failed sync must not be tried again: what it lost would be taken for safe.
    await expect(append(log, 3)).rejects.toThrow("Cannot write the raft log");
    const found = await reopened("power");
    expect([[1], [1, 2]]).toContainEqual(found);
  });

  it("what a failed sync has lost stays lost, though the next one succeeds", async () => {
    const { logFiles } = mount();
    const file = await logFiles.create("f");
    await logFiles.sync();
    await file.writeDurably([encodeUtf8("a")], 0);
    disk.faults.syncErrors.add("log");
    await expect(file.writeDurably([encodeUtf8("b")], 1)).rejects.toThrow("EIO");
    disk.faults.clear();
    await file.sync();
    expect([...(await logFiles.read("f"))]).toEqual([...encodeUtf8("ab")]);
    disk.crash("power");
    expect([...(await mount().logFiles.read("f"))]).toEqual([...encodeUtf8("a")]);
  });

  it("a failure that is told of once is followed by writes that are noted as what must not be", async () => {
    const file = await mount().logFiles.create("f");
    disk.faults.syncErrors.add("log");
    disk.faults.failsSyncsOnce = true;
    await expect(file.writeDurably([encodeUtf8("a")], 0)).rejects.toThrow("EIO");
    expect(disk.writesAfterFailure).toBe(0);
    await file.writeDurably([encodeUtf8("b")], 1);
    expect(disk.writesAfterFailure).toBe(1);
  });

  it("a read error refuses the start", async () => {
    await append(await openLog(), 1);
    disk.crash("process");
    disk.faults.readErrors.add("log");
    expect(hasCode(await causeOf(openLog()), "EIO")).toBe(true);
  });

  it("a lying sync loses what was acknowledged when the power goes, and not before", async () => {
    const log = await openLog();
    await append(log, 1);
    disk.faults.lyingSyncs.add("log");
    await append(log, 2, 3, 4, 5, 6, 7, 8);
    expect(await reopened("process")).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const again = await openLogAfter("process");
    disk.faults.lyingSyncs.add("log");
    await append(again, 9, 10, 11, 12, 13, 14, 15, 16);
    // Some are lost from the middle: the log must not pass over that in silence.
    disk.crash("power");
    disk.faults.clear();
    await expect(openLog()).rejects.toThrow("with acknowledged data behind it");
  });

  it("a folder whose syncs are ignored loses a segment when the power goes", async () => {
    const kept = new Set<number>();
    for (let round = 0; round < 12; round++) {
      const log = await openLog(500);
      disk.faults.ignoresFolderSyncs = true;
      await log.append({ entries: [entry(1, 1, "x".repeat(900))] });
      await append(log, 2, 3);
      disk.crash("power");
      kept.add(disk.copy().log.length);
      disk.faults.clear();
      disk.wipe();
    }
    // The first segment was made in order.
    expect(kept).toEqual(new Set([1, 2]));
  });

  it("a stall holds everything back until it is over, and slowness stretches it", async () => {
    const log = await openLog();
    const begunMs = world.nowMs;
    disk.faults.stalledUntilMs = begunMs + 3_000;
    await append(log, 1);
    expect(world.nowMs).toBeGreaterThanOrEqual(begunMs + 3_000);
    expect(world.nowMs).toBeLessThan(begunMs + 3_100);
    disk.faults.slowdown = 1_000;
    const slowMs = world.nowMs;
    await append(log, 2);
    expect(world.nowMs - slowMs).toBeGreaterThan(150);
  });

  it("a flipped bit or a lost end is refused, unless it is the end that no one can miss", async () => {
    const log = await openLog(1_000);
    await append(log, ...Array.from({ length: 60 }, (_, i) => i + 1));
    disk.crash("process");
    const whole = disk.copy();
    let refused = 0;
    for (let i = 0; i < 60; i++) {
      const what = i % 2 === 0 ? disk.flipBit("log") : disk.truncateFile("log");
      expect(what).toMatch(/is flipped|is cut off/);
      const found = await openLog(1_000).then(indexesOf, () => undefined);
      if (!found) refused++;
      // Every bit that was written counts; of entries at the end nobody else knows.
      const isLegal = !found || (i % 2 === 1 && found.every((index, j) => index === j + 1));
      expect([what, isLegal]).toEqual([what, true]);
      disk.crash("process");
      disk.restore(whole);
    }
    expect(refused).toBeGreaterThan(40);
  });

  it("a misdirected write comes to light with a power loss, and is refused", async () => {
    const log = await openLog();
    await append(log, 1, 2, 3);
    disk.misdirectNextWrite();
    await append(log, 4);
    await append(log, 5, 6);
    disk.crash("power");
    await expect(openLog()).rejects.toThrow("with acknowledged data behind it");
  });

  it("a process that is dead has no effect any more, and nothing of it ends", async () => {
    const { logFiles } = mount();
    const file = await logFiles.create("f");
    disk.crash("process");
    let ended = 0;
    for (const call of [file.writeDurably([encodeUtf8("a")], 0), logFiles.remove("f")]) {
      void call.finally(() => ended++);
    }
    const next = mount().logFiles;
    expect(await next.list()).toEqual(["f"]);
    expect(await next.read("f")).toHaveLength(0);
    expect(ended).toBe(0);
  });
});

async function openLogAfter(loss: "process" | "power"): Promise<LogStorage> {
  disk.crash(loss);
  return await openLog();
}

describe("SimulatedDisk and the database", () => {
  it.each(["writeErrors", "syncErrors", "full"] as const)(
    "%s stop the backend once, and what was flushed stays",
    async (kind) => {
      const medium = await openMedium();
      put(medium, "a", "1");
      await medium.flush();
      disk.faults[kind].add("database");
      put(medium, "b", "2");
      await expect(medium.flush()).rejects.toThrow("Cannot write the database");
      put(medium, "c", "3");
      await expect(medium.flush()).rejects.toThrow("Cannot write the database");
      expect(failures).toHaveLength(1);
      disk.crash("power");
      disk.faults.clear();
      const again = await openMedium();
      expect(again.get(encodeUtf8("a"))).toEqual(encodeUtf8("1"));
      expect(again.get(encodeUtf8("c"))).toBeUndefined();
    },
  );

  it.each(["writeErrors", "syncErrors", "full"] as const)(
    "%s of a file of blocks stop the backend once, and no block is half there",
    async (kind) => {
      const medium = await openMedium();
      const block = (main: number): Uint8Array => new Uint8Array(9_000).fill(main);
      medium.put(blockKey(2), block(2));
      medium.commit();
      await medium.flush();
      disk.faults[kind].add("database");
      medium.put(blockKey(3), block(3));
      medium.commit();
      await expect(medium.flush()).rejects.toThrow(/Cannot write the database.*E(?:IO|NOSPC)/);
      expect(failures).toHaveLength(1);
      disk.faults.clear();
      await expect(medium.flush()).rejects.toThrow("Cannot write the database");
      disk.crash("power");
      const again = await openMedium();
      expect(again.get(blockKey(2))).toEqual(block(2));
      expect(again.get(blockKey(3))).toBeUndefined();
    },
  );

  it("a block's file that cannot be read says so to the reader", async () => {
    const medium = await openMedium();
    medium.put(blockKey(2), new Uint8Array(9_000));
    medium.commit();
    await medium.flush();
    disk.faults.readErrors.add("database");
    expect(() => medium.get(blockKey(2))).toThrow(/Cannot read the database.*EIO/);
  });

  it("what was not flushed is lost from the end when the power goes", async () => {
    const kept = new Set<number>();
    for (let round = 0; round < 20; round++) {
      const medium = await openMedium();
      for (let i = 0; i < 5; i++) {
        put(medium, `round ${round} key ${i}`, "x");
        await new Promise<void>((resolve) => void world.after(100, resolve));
      }
      disk.crash("power");
      const again = await openMedium();
      const there = [0, 1, 2, 3, 4].map(
        (i) => again.get(encodeUtf8(`round ${round} key ${i}`)) !== undefined,
      );
      expect(there.lastIndexOf(true)).toBe(there.filter(Boolean).length - 1);
      kept.add(there.filter(Boolean).length);
      disk.crash("process");
    }
    expect(kept.size).toBeGreaterThan(3);
  });

  it("read errors reach the reader", async () => {
    const medium = await openMedium();
    put(medium, "a", "1");
    await medium.flush();
    disk.faults.readErrors.add("database");
    expect(() => medium.get(encodeUtf8("a"))).toThrow("EIO");
  });

  it("an image that finds no room is refused, and the old state stands", async () => {
    const other = new SimulatedDisk({ world, name: "other" });
    const mounted = other.mount({ enter: (callback) => callback() });
    const from = await mounted.openMedium({ clock: world.clock, onError: () => {} });
    put(from, "new", "1");
    const medium = await openMedium();
    put(medium, "old", "1");
    disk.faults.full.add("image");
    const image = await from.openImage();
    const steps = { inspect: async () => {}, beforeSwap: () => {} };
    await expect(medium.installImage(image.chunks, steps)).rejects.toThrow(/image.*ENOSPC/);
    expect(medium.get(encodeUtf8("old"))).toEqual(encodeUtf8("1"));
    await image.close();
    expect(failures).toEqual([]);
  });

  it("a disk is wiped, and an old copy is restored", async () => {
    const medium = await openMedium();
    put(medium, "a", "1");
    await medium.flush();
    const copy = disk.copy();
    put(medium, "a", "2");
    await medium.close();
    disk.unmount();
    disk.wipe();
    expect(disk.usedBytes).toBe(0);
    const empty = await openMedium();
    expect(empty.get(encodeUtf8("a"))).toBeUndefined();
    disk.crash("process");
    disk.restore(copy);
    const old = await openMedium();
    expect(old.get(encodeUtf8("a"))).toEqual(encodeUtf8("1"));
  });
});
