import { describe, expect, it } from "vitest";
import { MemoryBackend } from "../backend/memory-backend.js";
import { KeyValue } from "../gen/kv.js";
import { SPACE_BLOCK } from "./backend.js";
import { BlockCleaner } from "./block-cleaner.js";
import { VersionBlock } from "./version-block.js";
import { type Version, VersionHead, writeVersion } from "./version-bytes.js";
import { VersionLog } from "./version-log.js";

const version = (main: number, valueBytes = 10, key = `key ${main}`): Version => ({
  key,
  createRevision: main,
  modRevision: main,
  version: 1,
  value: new Uint8Array(valueBytes).fill(main),
  lease: 0n,
});

function setUp(heldBytesMax?: number): { backend: MemoryBackend; log: VersionLog } {
  const backend = new MemoryBackend();
  backend.isGathering = true;
  return { backend, log: new VersionLog(backend, heldBytesMax) };
}

/** Blocks and lists of dead versions that are written. */
function writtenPairs(backend: MemoryBackend): (readonly [Uint8Array, Uint8Array])[] {
  return backend.written().filter(([key]) => key[0] === SPACE_BLOCK);
}

/** The mains of the versions in each block that is written. */
function written(backend: MemoryBackend): number[][] {
  return writtenPairs(backend)
    .filter(([key]) => key.at(-1) === 1)
    .map(([key, bytes]) => {
      const main = new DataView(key.buffer).getUint32(5);
      const sub = new DataView(key.buffer).getUint32(9);
      const block = VersionBlock.read(bytes, { main, sub });
      return Array.from({ length: block.count }, (_, i) => block.revisionAt(i).main);
    });
}

const mainOf = (bytes: Uint8Array): number => KeyValue.decode(bytes).modRevision;

describe("writeVersion()", () => {
  it("writes what the generated codec writes, whatever the numbers", () => {
    for (const number of [1, 127, 128, 2 ** 28 - 1, 2 ** 28, 2 ** 31, 2 ** 32 + 5, 2 ** 53 - 1]) {
      for (const lease of [0n, 1n, -1n, 2n ** 62n]) {
        const one = { ...version(number), version: number, lease, key: "a\u00ff\u0000b" };
        const into = new Uint8Array(300);
        const bytes = into.subarray(0, writeVersion(one, into, 0));
        const key = Uint8Array.of(97, 255, 0, 98);
        expect(bytes).toEqual(KeyValue.encode({ ...one, key }));
        const head = new VersionHead(bytes);
        head.read(0, bytes.length);
        expect(head).toMatchObject({ modRevision: number, version: number, lease });
        expect(head.key).toEqual(key);
      }
    }
  });
});

describe("VersionLog", () => {
  it("evicts nothing that is on its way to the database", () => {
    const { backend, log } = setUp(1_000);
    for (let main = 2; main < 202; main++) log.append(version(main, 300), 0);
    backend.commit();
    log.bytesAt(2, 0); // The first block has been used: the search for one to evict goes on to others.
    backend.write();
    const mains = Array.from({ length: 200 }, (_, i) => i + 2);
    expect(written(backend).flat()).toEqual(mains);
    expect(mains.map((main) => mainOf(log.bytesAt(main, 0)))).toEqual(mains);
  });

  it("commits of one batch share a block, of about 16 KiB", () => {
    const { backend, log } = setUp();
    for (let main = 2; main < 202; main++) {
      log.append(version(main, 300), 0);
      backend.commit();
    }
    expect(written(backend)).toEqual([]);
    backend.write();
    const blocks = written(backend);
    expect(blocks.flat()).toEqual(Array.from({ length: 200 }, (_, i) => i + 2));
    expect(blocks.length).toBeGreaterThan(3);
    expect(blocks.length).toBeLessThan(6);
    expect(log.waitingBytes).toBe(0);
  });

  it("reads what it has not handed over, what waits, and what is on disk", () => {
    const { backend, log } = setUp();
    for (let main = 2; main < 100; main++) {
      log.append(version(main, 1_000), 0);
      if (main % 7 === 0) backend.commit();
      if (main % 20 === 0) backend.write();
      for (let r = 2; r <= main; r++) expect(mainOf(log.bytesAt(r, 0))).toBe(r);
    }
    for (let i = 0; i < log.firstPending; i++) log.release(log.directory.at(i));
    for (let r = 2; r < 100; r++) expect(mainOf(log.bytesAt(r, 0))).toBe(r);
    expect(() => log.bytesAt(100, 0)).toThrow("the value of revision 100.0 is missing");
    expect(() => log.bytesAt(50, 1)).toThrow("the value of revision 50.1 is missing");
  });

  it("hands over what is committed, and never what is not", () => {
    const { backend, log } = setUp();
    for (let main = 2; main < 6; main++) log.append(version(main), 0);
    backend.commit();
    // A transaction that breaks off: large enough to fill the block and more.
    for (let sub = 0; sub < 4; sub++) log.append(version(6, 9_000, `key ${sub}`), sub);
    backend.write();
    expect(written(backend)).toEqual([[2, 3, 4, 5]]);
    expect(mainOf(log.bytesAt(6, 3))).toBe(6);
    backend.commit();
    backend.write();
    expect(written(backend).flat()).toEqual([2, 3, 4, 5, 6, 6, 6, 6]);
  });

  it("keeps values of any size, each once", () => {
    const { backend, log } = setUp();
    const sizes = [0, 5, 20_000, 1, 1_000_000, 3, 16_000, 16_400];
    for (const [i, size] of sizes.entries()) log.append(version(i + 2, size), 0);
    backend.commit();
    backend.write();
    for (const [i, size] of sizes.entries()) {
      expect(KeyValue.decode(log.bytesAt(i + 2, 0)).value).toHaveLength(size);
    }
  });

  it("names block and revision of a value that was damaged on disk", () => {
    const { backend, log } = setUp();
    for (const main of [2, 3, 4]) log.append(version(main), 0);
    backend.commit();
    backend.write();
    const [[key, block] = []] = writtenPairs(backend);
    if (!key || !block) throw new Error("nothing was written");
    const damaged = Uint8Array.from(block);
    damaged[Math.floor(block.length / 5)] = 0x55;
    backend.put(key, damaged);
    log.release(log.directory.at(0));
    expect(mainOf(log.bytesAt(2, 0))).toBe(2);
    expect(() => log.bytesAt(3, 0)).toThrow(
      /the block at revision 2\.0 is damaged: revision 3\.0 has checksum \w+, expected \w+/,
    );
    expect(mainOf(log.bytesAt(4, 0))).toBe(4);
  });

  it("holds no more than its budget, and reads again what it has given up", () => {
    const kibibyte = 1024;
    const { backend, log } = setUp(2_000 * kibibyte);
    for (let main = 2; main < 302; main++) {
      log.append(version(main, 20 * kibibyte), 0);
      backend.commit();
      backend.write();
    }
    const held = (): number => {
      let bytes = 0;
      for (let i = 0; i < log.directory.size; i++)
        bytes += log.directory.at(i).held?.byteLength ?? 0;
      return bytes;
    };
    const isHeld = (main: number): boolean => log.directory.at(main - 2).held !== undefined;
    expect(held()).toBeLessThan(2_001 * kibibyte);
    // What is read once drives nothing out; what is read again does.
    expect([isHeld(2), isHeld(301)]).toEqual([false, true]);
    for (let main = 2; main < 302; main++) expect(mainOf(log.bytesAt(main, 0))).toBe(main);
    expect([isHeld(2), isHeld(301)]).toEqual([false, true]);
    log.bytesAt(2, 0);
    expect(isHeld(2)).toBe(true);
    expect(held()).toBeLessThan(2_001 * kibibyte);
    expect(held()).toBeGreaterThan(1_900 * kibibyte);
  });
});

describe("BlockCleaner", () => {
  /** So many versions in blocks of ten. */
  function filled(count: number): ReturnType<typeof setUp> & { cleaner: BlockCleaner } {
    const { backend, log } = setUp();
    for (let main = 2; main < count + 2; main++) {
      log.append(version(main, 1_600), 0);
      backend.commit();
    }
    backend.write();
    return { backend, log, cleaner: new BlockCleaner(log, backend) };
  }

  function sweep(cleaner: BlockCleaner, backend: MemoryBackend): void {
    for (let done = false; !done;) {
      done = cleaner.sweep(5);
      backend.commit();
      backend.write();
    }
  }

  it("drops dead blocks, rewrites those with little life, and keeps a list for the others", () => {
    const { backend, log, cleaner } = filled(30);
    const [first = [], second = [], third = []] = written(backend);
    for (const main of first) cleaner.kill(main, 0);
    for (const main of second.slice(2)) cleaner.kill(main, 0);
    cleaner.kill(third[4] ?? 0, 0);
    sweep(cleaner, backend);
    expect(cleaner.dyingCount).toBe(0);
    expect(written(backend)).toEqual([second.slice(0, 2), third]);
    expect(writtenPairs(backend)).toHaveLength(3);
    expect(log.directory.at(1).dead).toBe(1);
    for (const main of [...second.slice(0, 2), third[0] ?? 0]) {
      expect(mainOf(log.bytesAt(main, 0))).toBe(main);
    }
    // More dies: the list grows, and goes with its block.
    for (const main of [third[3] ?? 0, ...third.slice(5)]) cleaner.kill(main, 0);
    sweep(cleaner, backend);
    expect(written(backend).flat()).toEqual([...second.slice(0, 2), ...third.slice(0, 3)]);
    expect(writtenPairs(backend).filter(([key]) => key.at(-1) === 0)).toEqual([]);
  });

  it("passes a version on with its checksum, also where nobody has looked at it yet", () => {
    const { backend, log, cleaner } = filled(10);
    const [[key, block] = []] = writtenPairs(backend);
    if (!key || !block) throw new Error("nothing was written");
    const damaged = Uint8Array.from(block);
    damaged[1_600 + 800] = 0x55;
    backend.put(key, damaged);
    log.release(log.directory.at(0));
    expect(mainOf(log.bytesAt(2, 0))).toBe(2); // Held from now on, damage and all.
    for (let main = 4; main < 12; main++) cleaner.kill(main, 0);
    sweep(cleaner, backend);
    expect(written(backend)).toEqual([[2, 3]]);
    expect(mainOf(log.bytesAt(2, 0))).toBe(2);
    expect(() => log.bytesAt(3, 0)).toThrow(/revision 3\.0 has checksum \w+, expected \w+/);
  });

  it("puts the blocks of many small batches together, once, with what lives in them", () => {
    const { backend, log } = setUp();
    const cleaner = new BlockCleaner(log, backend);
    let sweeps = 0;
    for (let main = 2; main < 1_002; main++) {
      log.append(version(main, 200), 0);
      backend.commit();
      backend.write();
      if (!cleaner.wantsMerge) continue;
      sweep(cleaner, backend);
      sweeps++;
    }
    const blocks = written(backend);
    expect(blocks.flat()).toEqual(Array.from({ length: 1_000 }, (_, i) => i + 2));
    expect(blocks.length).toBeLessThan(1_000 / 40 + 80);
    expect(sweeps).toBeLessThan(17);
    for (let main = 2; main < 1_002; main++) expect(mainOf(log.bytesAt(main, 0))).toBe(main);
  });
});
