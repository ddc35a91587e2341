/** Blocks of versions that lie in files beside LevelDB. */
import { readdirSync, statSync, truncateSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { encodeUtf8, randomBelow, seededRandom } from "@sagong/base";
import { realClock } from "@sagong/base/real";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { toBinaryString } from "../mvcc/binary-string.js";
import { blockKey, KIND_DEAD, revisionOfKey } from "../mvcc/revision.js";
import type { BlockFileLimits } from "./database-folder.js";
import { LevelBackend } from "./level-backend.js";
import { levelDatabases } from "./level-databases.js";

const KIB = 1024;
const NO_STEPS = { inspect: async () => {}, beforeSwap: () => {} };
const SMALL: BlockFileLimits = { blockBytesMin: 100, unsyncedBytesMax: 2_000, fileBytesMax: 2_000 };

let dir: string;
let failures: unknown[];
let opened: LevelBackend[];

beforeEach(async () => {
  dir = await mkdtemp(`${tmpdir()}/sagong-level-blocks-`);
  failures = [];
  opened = [];
});
afterEach(async () => {
  for (const backend of opened) await backend.close().catch(() => {});
  await rm(dir, { recursive: true, force: true });
});

async function open(at = "store", blockFiles: BlockFileLimits = {}): Promise<LevelBackend> {
  const backend = await LevelBackend.open({
    dir: `${dir}/${at}`,
    clock: realClock(),
    databases: levelDatabases,
    onError: (error) => failures.push(error),
    blockFiles,
  });
  opened.push(backend);
  return backend;
}

/** What would be found after a crash of the process at this moment. */
async function crashed(limits: BlockFileLimits = {}): Promise<Map<string, string>> {
  const at = `crashed ${opened.length}`;
  await cp(`${dir}/store`, `${dir}/${at}`, { recursive: true });
  const backend = await open(at, limits);
  const found = await contents(backend);
  await backend.close();
  return found;
}

/** By revision, or by the key's text; of a block its first byte and its length. */
async function contents(backend: LevelBackend): Promise<Map<string, string>> {
  const all = new Map<string, string>();
  for await (const pairs of backend.scan()) {
    for (const [key, value] of pairs) {
      if (key.length === 1) continue; // LevelBackend's own.
      const isBlock = toBinaryString(key).startsWith("v");
      if (isBlock) all.set(`${revisionOfKey(key).main}`, describeBlock(value));
      else all.set(toBinaryString(key), toBinaryString(value));
    }
  }
  return all;
}

function describeBlock(bytes: Uint8Array): string {
  expect(bytes.every((byte) => byte === bytes[0])).toBe(true);
  return `${bytes[0]} × ${bytes.length}`;
}

const block = (fill: number, length = 8 * KIB): Uint8Array => new Uint8Array(length).fill(fill);

function commit(backend: LevelBackend, ...writes: [key: number | string, value?: Uint8Array][]) {
  for (const [name, value] of writes) {
    const key = typeof name === "number" ? blockKey(name, 0) : encodeUtf8(name);
    if (value) backend.put(key, value);
    else backend.delete(key);
  }
  backend.commit();
}

const written = (backend: LevelBackend): Promise<void> =>
  vi.waitFor(() => expect(backend.backlogBytes).toBeLessThan(1_000), { interval: 5 });

function blockFilesIn(at = "store"): { readonly name: string; readonly size: number }[] {
  return readdirSync(`${dir}/${at}`)
    .filter((name) => name.endsWith(".blocks"))
    .toSorted()
    .map((name) => ({ name, size: statSync(`${dir}/${at}/${name}`).size }));
}

describe("LevelBackend with blocks", () => {
  it("puts large blocks into a file, and small ones and lists of dead versions into LevelDB", async () => {
    const backend = await open();
    commit(backend, [2, block(2)], [3, block(3, 7 * KIB)], [4, block(4)]);
    const list = block(9, 10 * KIB);
    backend.put(blockKey(4, 0, KIND_DEAD), list);
    backend.commit();
    await backend.flush();
    expect(blockFilesIn()).toEqual([{ name: "0000000000000001.blocks", size: 16 * KIB }]);
    expect(backend.get(blockKey(2, 0))).toEqual(block(2));
    // What LevelDB gives is a Buffer.
    expect(Buffer.compare(block(3, 7 * KIB), backend.get(blockKey(3, 0)) ?? list)).toBe(0);
    expect(Buffer.compare(list, backend.get(blockKey(4, 0, KIND_DEAD)) ?? block(0))).toBe(0);
    const again = await reopened(backend);
    expect(again.get(blockKey(4, 0))).toEqual(block(4));
    expect([...(await contents(again)).keys()]).toEqual(["2", "3", "4"]);
  });

  it("a crash before the sync leaves what was there before the block, and nothing behind it", async () => {
    const backend = await open();
    commit(backend, ["mark", encodeUtf8("1")], [2, block(2, 1 * KIB)]);
    await vi.waitFor(() => expect(backend.backlogBytes).toBe(0));
    commit(backend, ["mark", encodeUtf8("2")], [3, block(3)]);
    await written(backend);
    commit(backend, ["mark", encodeUtf8("3")], [4, block(4, 1 * KIB)]);
    commit(backend, ["mark", encodeUtf8("4")], [2], ["lease", encodeUtf8("x")]);
    await new Promise((resolve) => void realClock().schedule(150, () => resolve(undefined)));
    // It is all to be read, and the block's memory is free.
    expect(backend.get(blockKey(3, 0))).toEqual(block(3));
    expect(backend.get(blockKey(2, 0))).toBeUndefined();
    expect(backend.backlogBytes).toBeLessThan(2 * KIB);
    expect(blockFilesIn()).toEqual([{ name: "0000000000000001.blocks", size: 8 * KIB }]);
    const before = { mark: "1", "2": `2 × ${KIB}` };
    expect(Object.fromEntries(await crashed())).toEqual(before);
    await backend.flush();
    const after = { mark: "4", lease: "x", "3": `3 × ${8 * KIB}`, "4": `4 × ${KIB}` };
    expect(Object.fromEntries(await crashed())).toEqual(after);
    expect(backend.backlogBytes).toBe(0);
  });

  it("what waits for a sync is bounded", async () => {
    const backend = await open("store", { unsyncedBytesMax: 64 * KIB });
    for (let i = 0; i < 40; i++) {
      commit(backend, [10 + i, block(i)], ["mark", encodeUtf8(`${i}`)]);
      await written(backend);
      if (i % 8 !== 7) continue;
      await vi.waitFor(() => expect(backend.backlogBytes).toBe(0), { interval: 5 });
      expect((await crashed()).get("mark")).toBe(`${i}`);
    }
  });

  it("a crash's rest is removed, and never written to again", async () => {
    const backend = await open();
    commit(backend, [2, block(2)]);
    await backend.flush();
    commit(backend, [3, block(3)]);
    await written(backend);
    await cp(`${dir}/store`, `${dir}/crashed`, { recursive: true });
    // One file with a block and a rest, and one to which nothing refers.
    await cp(`${dir}/store/0000000000000001.blocks`, `${dir}/crashed/0000000000000002.blocks`);
    const next = await open("crashed");
    expect(blockFilesIn("crashed")).toHaveLength(2);
    expect(await contents(next)).toEqual(new Map([["2", `2 × ${8 * KIB}`]]));
    expect(blockFilesIn("crashed").map(({ size }) => size)).toEqual([16 * KIB]);
    commit(next, [3, block(4)]);
    await next.flush();
    expect(blockFilesIn("crashed").map(({ name }) => name)).toEqual([
      "0000000000000001.blocks",
      "0000000000000003.blocks",
    ]);
    expect(next.get(blockKey(3, 0))).toEqual(block(4));
  });

  it("without a scan no file is taken for dead", async () => {
    const backend = await open("store", SMALL);
    commit(backend, ...[2, 3, 4, 5].map((n): [number, Uint8Array] => [n, block(n, 1_500)]));
    await backend.close();
    const again = await open("store", SMALL);
    commit(again, [6, block(6, 1_500)], [2]);
    await again.reclaim();
    expect(again.get(blockKey(3, 0))).toEqual(block(3, 1_500));
    await again.close();
    const found = await contents(await open("store", SMALL));
    expect([...found.keys()]).toEqual(["3", "4", "5", "6"]);
  });

  it("a database with all blocks in LevelDB opens, and goes over as they are written anew", async () => {
    const old = await open("store", { blockBytesMin: Number.POSITIVE_INFINITY });
    commit(old, ...[2, 3, 4].map((n): [number, Uint8Array] => [n, block(n)]));
    await old.close();
    expect(blockFilesIn()).toEqual([]);
    const backend = await open();
    expect([...(await contents(backend)).keys()]).toEqual(["2", "3", "4"]);
    commit(backend, [2], [3, block(33)], [5, block(5)]);
    await backend.flush();
    expect(blockFilesIn().map(({ size }) => size)).toEqual([16 * KIB]);
    const again = await reopened(backend);
    expect([...(await contents(again))]).toEqual([
      ["3", `33 × ${8 * KIB}`],
      ["4", `4 × ${8 * KIB}`],
      ["5", `5 × ${8 * KIB}`],
    ]);
  });

  it.each<[string, (path: string) => unknown, RegExp]>([
    [
      "is missing",
      (path) => rm(path),
      /block file 0000000000000001.blocks is missing, expected a block of 8192 bytes at offset \d+$/,
    ],
    [
      "is too short",
      (path) => truncateSync(path, 10_000),
      /block file 0000000000000001.blocks ends at 10000, expected a block of 8192 bytes at offset 8192 of it$/,
    ],
  ])("says so where a block file %s", async (_what, damage, sentence) => {
    const backend = await open();
    commit(backend, [2, block(2)], [3, block(3)]);
    await backend.close();
    await damage(`${dir}/store/0000000000000001.blocks`);
    const again = await open();
    await expect(contents(again)).rejects.toThrow(sentence);
    await expect(contents(again)).rejects.toMatchObject({ name: "BackendError" });
    expect(() => again.get(blockKey(3, 0))).toThrow(sentence);
    expect(blockFilesIn().length).toBeLessThanOrEqual(1);
  });

  it("a file that cannot be written stops it for good", async () => {
    const backend = await LevelBackend.open({
      dir: `${dir}/store`,
      clock: realClock(),
      databases: {
        ...levelDatabases,
        files: (at) => ({
          ...levelDatabases.files(at),
          create: () => Promise.reject(new Error("ENOSPC: no space left on device")),
        }),
      },
      onError: (error) => failures.push(error),
    });
    opened.push(backend);
    commit(backend, [2, block(2)]);
    await expect(backend.flush()).rejects.toThrow("Cannot write the database in");
    commit(backend, ["later", encodeUtf8("1")]);
    await expect(backend.flush()).rejects.toThrow("ENOSPC");
    expect(failures).toHaveLength(1);
    expect(backend.get(blockKey(2, 0))).toEqual(block(2));
  });
});

async function reopened(backend: LevelBackend, limits?: BlockFileLimits): Promise<LevelBackend> {
  await backend.close();
  return await open("store", limits);
}

describe("LevelBackend.reclaim() with blocks", () => {
  const many = (from: number, to: number): [number, Uint8Array][] =>
    Array.from({ length: to - from }, (_, i) => [from + i, block(from + i, 500)]);

  it("copies what lives among garbage, and the database shrinks", async () => {
    const backend = await open("store", SMALL);
    commit(backend, ...many(0, 40));
    await backend.flush();
    const full = await backend.sizeBytes();
    const files = blockFilesIn();
    expect(files).toHaveLength(10);
    for (let n = 0; n < 40; n++) if (n % 10 !== 0) commit(backend, [n]);
    await backend.reclaim();
    const left = blockFilesIn();
    // Up to a disk's block more than the four that live, until it is closed.
    expect(left).toHaveLength(1);
    expect(left[0]?.size).toBeGreaterThanOrEqual(2_000);
    expect(left[0]?.size).toBeLessThanOrEqual(4_096);
    expect(files.map(({ name }) => name)).not.toContain(left[0]?.name);
    expect(await backend.sizeBytes()).toBeLessThan(full / 4);
    for (let n = 0; n < 40; n++) {
      expect(backend.get(blockKey(n, 0))).toEqual(n % 10 === 0 ? block(n, 500) : undefined);
    }
    expect([...(await crashed(SMALL)).keys()]).toEqual(["0", "10", "20", "30"]);
    expect(failures).toEqual([]);
  });

  it("leaves alone files of which most is alive, and gives a file that is all dead back", async () => {
    const backend = await open("store", SMALL);
    commit(backend, ...many(0, 12));
    await backend.flush();
    commit(backend, [0], [4], [5], [6], [7]);
    await backend.reclaim();
    expect(blockFilesIn().map(({ name }) => Number.parseInt(name, 10))).toEqual([1, 3]);
    expect([...(await contents(await reopened(backend, SMALL))).keys()]).toEqual(
      ["1", "2", "3", "8", "9"].concat(["10", "11"]),
    );
  });

  it("a block that is given up or replaced while it is copied stays so", async () => {
    const backend = await open("store", SMALL);
    commit(backend, ...many(0, 40));
    await backend.flush();
    for (let n = 0; n < 40; n++) if (n % 4 !== 0) commit(backend, [n]);
    await backend.flush();
    const reclaimed = backend.reclaim();
    // Not one turn of the loop: at every step of the copying something is under way.
    for (let n = 0; n < 40; n += 8) {
      commit(backend, [n], [n + 4, block(100 + n, 700)]);
      if (n % 16 === 0) void backend.flush();
      await new Promise((resolve) => void realClock().schedule(1, () => resolve(undefined)));
    }
    await reclaimed;
    await backend.flush();
    const expected = [0, 8, 16, 24, 32].map((n) => [`${n + 4}`, `${100 + n} × 700`]);
    expect([...(await crashed(SMALL))]).toEqual(expected);
    await backend.reclaim();
    expect([...(await contents(await reopened(backend, SMALL)))]).toEqual(expected);
    expect(failures).toEqual([]);
  });

  it("a file goes only when the deletion of its last reference is synced", async () => {
    const backend = await open("store", SMALL);
    commit(backend, ...many(0, 6));
    await backend.flush();
    commit(backend, [0], [1], [2], [3]);
    await vi.waitFor(() => expect(backend.backlogBytes).toBe(0));
    // LevelDB has it, and a power loss may take it back.
    expect(blockFilesIn().map(({ name }) => Number.parseInt(name, 10))).toEqual([1, 2]);
    await backend.flush();
    expect(blockFilesIn().map(({ name }) => Number.parseInt(name, 10))).toEqual([2]);
  });

  it("close() does not wait for all of it", async () => {
    const backend = await open("store", SMALL);
    commit(backend, ...many(0, 200));
    await backend.flush();
    for (let n = 0; n < 200; n++) if (n % 4 !== 0) commit(backend, [n]);
    const reclaimed = backend.reclaim();
    await backend.close();
    await reclaimed;
    const found = await contents(await open("store", SMALL));
    expect(found.size).toBe(50);
    expect(failures).toEqual([]);
  });

  it("an image has its blocks although their files would go meanwhile", async () => {
    const backend = await open("store", SMALL);
    commit(backend, ...many(0, 40));
    const image = await backend.openImage();
    for (let n = 0; n < 40; n++) commit(backend, [n]);
    await backend.reclaim();
    const pinned = blockFilesIn().length;
    const other = await open("other", SMALL);
    await other.installImage(image.chunks, NO_STEPS);
    await image.close();
    expect((await contents(other)).size).toBe(40);
    expect(pinned).toBe(10);
    await backend.reclaim();
    expect(blockFilesIn()).toEqual([]);
  });

  it("an image's blocks lie in files, are kept over a restart, and are given back", async () => {
    const from = await open("from", SMALL);
    commit(from, ...many(0, 40));
    const image = await from.openImage();
    const backend = await open("store", SMALL);
    commit(backend, ...many(100, 120));
    await backend.installImage(image.chunks, NO_STEPS);
    await image.close();
    expect(blockFilesIn()).toHaveLength(10);
    for (let n = 0; n < 40; n++) if (n % 10 !== 0) commit(backend, [n]);
    await backend.reclaim();
    expect(blockFilesIn()).toHaveLength(1);
    commit(backend, ...many(200, 201));
    const again = await reopened(backend, SMALL);
    expect(blockFilesIn().map(({ size }) => size)).toEqual([2_000, 500]);
    expect([...(await contents(again)).keys()]).toEqual(["0", "10", "20", "30", "200"]);
  });

  it.each([1, 2, 3, 4])(
    "is a map, through every order of writes, clean-ups, crashes and images; seed %d",
    async (seed) => {
      const random = seededRandom(seed);
      const below = (limit: number): number => randomBelow(random, limit);
      let backend = await open("store", SMALL);
      const model = new Map<string, string>();
      const underWay: Promise<unknown>[] = [];
      /** By restarts, and what was to be found. */
      const found: [Map<string, string>, Map<string, string>][] = [];
      const step = async (): Promise<void> => {
        const kind = below(20);
        if (kind < 12) {
          const n = below(60);
          if (below(3) === 0) {
            commit(backend, [n]);
            model.delete(`${n}`);
          } else {
            const value = block(below(250), 24 + below(400));
            commit(backend, [n, value]);
            model.set(`${n}`, describeBlock(value));
          }
        } else if (kind < 15) void backend.flush();
        else if (kind < 17) underWay.push(backend.reclaim());
        else if (kind === 17) await new Promise((resolve) => void setImmediate(resolve));
        else if (kind === 18 && below(4) === 0) {
          await Promise.all(underWay.splice(0));
          backend = await reopened(backend, SMALL);
          found.push([await contents(backend), new Map(model)]);
        } else if (below(4) === 0) {
          const image = await backend.openImage();
          await backend.installImage(image.chunks, NO_STEPS);
          await image.close();
        }
        const n = below(60);
        const there = backend.get(blockKey(n, 0));
        expect(there && describeBlock(there)).toBe(model.get(`${n}`));
      };
      for (let i = 0; i < 600; i++) await step();
      for (const [there, expected] of found) expect(sorted(there)).toEqual(sorted(expected));
      await Promise.all(underWay);
      await backend.flush();
      expect(sorted(await crashed(SMALL))).toEqual(sorted(model));
      expect(failures).toEqual([]);
    },
  );
});

function sorted(all: Map<string, string>): [string, string][] {
  return [...all].toSorted(([a], [b]) => Number(a) - Number(b));
}
