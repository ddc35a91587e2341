import { mkdtemp, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BlockFiles } from "./block-files.js";
import type { BlockReference } from "./block-reference.js";
import type { DatabaseFile, DatabaseFiles } from "./databases.js";
import { LiveBytes } from "./live-bytes.js";
import { nodeDatabaseFiles } from "./node-database-files.js";

let dir: string;
/** Calls to the folder and its files, in order. */
let calls: string[];

beforeEach(async () => {
  dir = await mkdtemp(`${tmpdir()}/sagong-blocks-`);
  calls = [];
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** A folder that notes who asks for what. */
function noted(files: DatabaseFiles): DatabaseFiles {
  const notedFile = (name: string, file: DatabaseFile): DatabaseFile => ({
    sizeBytes: file.sizeBytes,
    write: (parts, position) => {
      calls.push(`write ${name} ${parts.length} at ${position}`);
      return file.write(parts, position);
    },
    sync: () => {
      calls.push(`sync ${name}`);
      return file.sync();
    },
    read: (parts, position) => {
      calls.push(`read ${name} ${parts.length} at ${position}`);
      return file.read(parts, position);
    },
    readSync: (bytes, position) => file.readSync(bytes, position),
    close: () => file.close(),
  });
  const short = (name: string): string => name.replace(/^0+/, "").replace(".blocks", "");
  return {
    list: () => files.list(),
    create: async (name) => notedFile(short(name), await files.create(name)),
    open: async (name) => notedFile(short(name), await files.open(name)),
    remove: (name) => {
      calls.push(`remove ${short(name)}`);
      return files.remove(name);
    },
    syncNames: () => {
      calls.push("sync names");
      return files.syncNames();
    },
  };
}

const open = (fileBytesMax = 1_000): Promise<BlockFiles> =>
  BlockFiles.open(noted(nodeDatabaseFiles(dir)), fileBytesMax);

const block = (fill: number, length = 300): Uint8Array => new Uint8Array(length).fill(fill);

function keepAll(references: readonly BlockReference[]): LiveBytes {
  const live = new LiveBytes();
  for (const reference of references) live.keep(reference);
  return live;
}

describe("BlockFiles", () => {
  it("append() writes blocks one behind the other, and begins a file where one is full", async () => {
    const files = await open();
    const references = await files.append([1, 2, 3, 4, 5].map((fill) => block(fill)));
    expect(references.map(({ file, offset }) => [file, offset])).toEqual([
      [1, 0],
      [1, 300],
      [1, 600],
      [1, 900],
      [2, 0],
    ]);
    expect(calls).toEqual(["write 1 4 at 0", "write 2 1 at 0"]);
    for (const [i, reference] of references.entries()) {
      expect(files.readSync(reference)).toEqual(block(i + 1));
    }
    expect([files.sizeBytes, files.unsyncedBytes]).toEqual([1_500, 1_500]);
    await files.close();
  });

  it("sync() syncs what was written since, and names once", async () => {
    const files = await open();
    await files.append([block(1, 999)]);
    await files.append([block(2), block(3)]);
    calls = [];
    await files.sync();
    expect(calls).toEqual(["sync 1", "sync 2", "sync names"]);
    expect(files.unsyncedBytes).toBe(0);
    await files.append([block(4)]);
    calls = [];
    await files.sync();
    await files.sync();
    expect(calls).toEqual(["sync 2"]);
    await files.close();
  });

  it("read() fetches neighbours together, and gives all in the order asked for", async () => {
    const files = await open(10_000);
    const references = await files.append([1, 2, 3, 4, 5, 6].map((fill) => block(fill)));
    calls = [];
    const wanted = [0, 1, 3, 4, 5, 2].map((i) => references[i] as BlockReference);
    const blocks = await files.read(wanted);
    expect(blocks.map(([first]) => first)).toEqual([1, 2, 4, 5, 6, 3]);
    expect(calls).toEqual(["read 1 2 at 0", "read 1 3 at 900", "read 1 1 at 600"]);
    // None keeps its neighbours in memory.
    for (const bytes of blocks) expect(bytes.buffer.byteLength).toBe(300);
    await files.close();
  });

  it("read() fetches more neighbours than the system takes in one call", async () => {
    const files = await open(1_000_000);
    const references = await files.append(
      Array.from({ length: 3_000 }, (_, i) => block(i % 251, 100)),
    );
    const blocks = await files.read(references);
    expect(blocks.every((bytes, i) => bytes.every((byte) => byte === i % 251))).toBe(true);
    await files.close();
  });

  it("another process begins a file of its own behind all that are there", async () => {
    const first = await open();
    const [old] = await first.append([block(1)]);
    await first.close();
    await writeFile(`${dir}/0000000000000007.blocks`, "of a power loss");
    await writeFile(`${dir}/000123.log`, "LevelDB's");
    const files = await open();
    expect(files.count).toBe(2);
    const [fresh] = await files.append([block(2)]);
    expect(fresh).toEqual({ file: 8, offset: 0, length: 300 });
    expect(files.readSync(old as BlockReference)).toEqual(block(1));
    await files.close();
  });

  it("says which file is missing, too short, or cut off meanwhile, and what was expected", async () => {
    const files = await open();
    const [reference] = await files.append([block(1)]);
    const path = `${dir}/0000000000000001.blocks`;
    const at = (changes: Partial<BlockReference>): BlockReference => ({
      ...(reference as BlockReference),
      ...changes,
    });
    expect(() => files.readSync(at({ file: 9 }))).toThrow(
      "block file 0000000000000009.blocks is missing, expected a block of 300 bytes at offset 0",
    );
    expect(() => files.readSync(at({ offset: 1 }))).toThrow(
      "block file 0000000000000001.blocks ends at 300, expected a block of 300 bytes at offset 1 of it",
    );
    await truncate(path, 299);
    const cut = "block file 0000000000000001.blocks has 299 bytes at offset 0, expected 300";
    expect(() => files.readSync(at({}))).toThrow(cut);
    await expect(files.read([at({})])).rejects.toThrow(cut);
    await expect(files.read([at({ file: 9 })])).rejects.toThrow("is missing");
    await files.close();
  });

  it("removeDead() removes what nobody refers to, but for the current file and those in use", async () => {
    const files = await open();
    const references = await files.append([1, 2, 3, 4].map((fill) => block(fill, 1_000)));
    const live = keepAll(references);
    for (const reference of references) if (reference.file !== 2) live.drop(reference);
    const unpin = files.pin();
    await files.removeDead(live);
    expect(files.count).toBe(4);
    unpin();
    calls = [];
    await files.removeDead(live);
    expect(calls).toEqual(["remove 1", "remove 3"]);
    expect((await readdir(dir)).toSorted()).toEqual([
      "0000000000000002.blocks",
      "0000000000000004.blocks",
    ]);
    await files.close();
  });

  it("sparse() names what restarts have left almost empty, however alive", async () => {
    let references: readonly BlockReference[] = [];
    for (let i = 0; i < 3; i++) {
      const files = await open();
      references = references.concat(await files.append([block(i, i === 1 ? 600 : 300)]));
      await files.close();
    }
    const files = await open();
    references = references.concat(await files.append([block(3)]));
    expect([...files.sparse(keepAll(references))]).toEqual([1, 3]);
    await files.close();
  });

  it("sparse() names files with little life in them, and ends the current one where it is such", async () => {
    const files = await open(900);
    const references = await files.append(Array.from({ length: 8 }, (_, i) => block(i)));
    const live = keepAll(references);
    const drop = (i: number): void => live.drop(references[i] as BlockReference);
    drop(0);
    drop(1); // A third of the first file is left.
    drop(3); // Two thirds of the second.
    expect([...files.sparse(live)]).toEqual([1]);
    drop(6);
    expect([...files.sparse(live)]).toEqual([1]);
    const [next] = await files.append([block(9, 400)]);
    expect(next?.file).toBe(3);
    live.keep(next as BlockReference);
    drop(7);
    expect([...files.sparse(live)]).toEqual([1, 3]);
    const [other] = await files.append([block(9)]);
    expect(other?.file).toBe(4);
    await files.close();
  });
});
