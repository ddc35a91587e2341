import { existsSync, renameSync } from "node:fs";
import { cp, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { encodeUtf8, VirtualClock } from "@sagong/base";
import { realClock } from "@sagong/base/real";
import { ImageRefusedError } from "@sagong/raft";
import { ClassicLevel } from "classic-level";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { APPLIED_MARK_KEY } from "../mvcc/backend.js";
import { backendSuite } from "../testing/backend-suite.js";
import { encodeImage } from "./image-format.js";
import { LevelBackend } from "./level-backend.js";
import { levelDatabases } from "./level-databases.js";

type Pair = readonly [Uint8Array, Uint8Array];

let dir: string;
let failures: unknown[];
const open = (at = `${dir}/store`): Promise<LevelBackend> =>
  LevelBackend.open({
    dir: at,
    clock: realClock(),
    databases: levelDatabases,
    onError: (error) => failures.push(error),
  });

async function pairsOf(backend: LevelBackend): Promise<Pair[]> {
  const all: Pair[] = [];
  for await (const pairs of backend.scan()) all.push(...pairs);
  return all.filter(([key]) => key.length > 1 || key[0] !== 0);
}

/** All values as text, by key. */
async function contents(backend: LevelBackend): Promise<Record<string, string>> {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
  return Object.fromEntries((await pairsOf(backend)).map(([k, v]) => [text(k), text(v)]));
}

async function* batches(pairs: readonly Pair[]): AsyncGenerator<readonly Pair[]> {
  yield pairs;
}

const pair = (key: string, value: string): Pair => [encodeUtf8(key), encodeUtf8(value)];
const IMAGE = [pair("new", "1"), pair("newer", "2")];
const VALUE_BYTES = 64 * 1024;
const NO_STEPS = { inspect: async () => {}, beforeSwap: () => {} };

beforeEach(async () => {
  dir = await mkdtemp(`${tmpdir()}/sagong-level-`);
  failures = [];
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

backendSuite("LevelBackend", async () => {
  const at = await mkdtemp(`${tmpdir()}/sagong-level-`);
  let backend = await open(at);
  return {
    get backend() {
      return backend;
    },
    reopened: async () => {
      await backend.close();
      backend = await open(at);
      return await pairsOf(backend);
    },
    remove: async () => {
      await backend.close();
      await rm(at, { recursive: true, force: true });
    },
  };
});

describe("LevelBackend", () => {
  it("flush() covers what was committed while another write was under way", async () => {
    const backend = await open();
    for (let i = 0; i < 50; i++) {
      backend.put(encodeUtf8(`key ${i}`), encodeUtf8("x".repeat(10_000)));
      backend.commit();
      if (i % 10 === 0) void backend.flush();
    }
    await backend.flush();
    await cp(`${dir}/store`, `${dir}/copy`, { recursive: true });
    const copy = await open(`${dir}/copy`);
    expect(Object.keys(await contents(copy))).toHaveLength(50);
    await copy.close();
    await backend.close();
  });

  it("commit() is written soon, also after one that an image overtook", async () => {
    const clock = new VirtualClock();
    const onError = (error: unknown): number => failures.push(error);
    const backend = await LevelBackend.open({
      dir: `${dir}/store`,
      clock,
      databases: levelDatabases,
      onError,
    });
    const commit = (): void => {
      backend.put(...pair("a", "1"));
      backend.commit();
      clock.advance(100);
    };
    commit();
    await vi.waitFor(() => expect(backend.backlogBytes).toBe(0));
    await backend.installImage(encodeImage(batches(IMAGE)), { ...NO_STEPS, beforeSwap: commit });
    commit();
    await vi.waitFor(() => expect(backend.backlogBytes).toBe(0));
    await backend.close();
    expect(failures).toEqual([]);
  });

  it("close() writes what is committed, and drops what is not", async () => {
    const backend = await open();
    backend.put(...pair("kept", "1"));
    backend.commit();
    backend.put(...pair("dropped", "1"));
    await backend.close();
    const again = await open();
    expect(await contents(again)).toEqual({ kept: "1" });
    await again.close();
  });

  it("an image is what was committed when it was asked for, unmoved by later writes", async () => {
    const backend = await open();
    backend.put(...pair("a", "1"));
    backend.put(APPLIED_MARK_KEY, encodeUtf8("mark 1"));
    backend.commit();
    const image = await backend.openImage();
    backend.put(...pair("a", "2"));
    backend.put(APPLIED_MARK_KEY, encodeUtf8("mark 2"));
    backend.commit();
    await backend.flush();
    expect(Buffer.from(image.mark ?? []).toString()).toBe("mark 1");
    const other = await open(`${dir}/other`);
    await other.installImage(image.chunks, NO_STEPS);
    await image.close();
    expect(await contents(other)).toEqual({ a: "1", ma: "mark 1" });
    await other.close();
    await backend.close();
  });

  it("installImage() replaces everything, also what was still being written", async () => {
    const backend = await open();
    backend.put(...pair("old", "1"));
    backend.commit();
    await backend.installImage(encodeImage(batches(IMAGE)), {
      ...NO_STEPS,
      beforeSwap: () => {
        backend.put(...pair("clean-up", "1"));
        backend.commit();
      },
    });
    expect(await contents(backend)).toEqual({ new: "1", newer: "2" });
    backend.put(...pair("later", "3"));
    backend.commit();
    await backend.close();
    const again = await open();
    expect(await contents(again)).toEqual({ new: "1", newer: "2", later: "3" });
    await again.close();
    expect(failures).toEqual([]);
  });

  it("LevelDB leaves a log only when it is synced, however much is written at once", async () => {
    const events: { readonly bytes: number; readonly sync: boolean }[] = [];
    let unsafe = 0;
    let logBytes = 0;
    let compactions = 0;
    let compacted = 0;
    // What the methods are by their declaration; they are called with their own `this` below.
    const batch = Reflect.get(ClassicLevel.prototype, "batch") as (this: void) => unknown;
    const compactRange = Reflect.get(ClassicLevel.prototype, "compactRange") as (
      this: void,
    ) => Promise<void>;
    vi.spyOn(ClassicLevel.prototype, "batch").mockImplementation(function (
      this: ClassicLevel<Uint8Array, Uint8Array>,
    ) {
      const made = Reflect.apply(batch, this, []) as ReturnType<typeof this.batch>;
      const write = made.write.bind(made);
      made.write = async (options?: { readonly sync?: boolean | undefined }) => {
        const { length } = made;
        const sync = options?.sync === true;
        await write(options ?? {});
        events.push({ bytes: length, sync });
        logBytes += length * VALUE_BYTES;
        // LevelDB begins a new log by itself at the next write, or a compaction makes it.
        if (!sync && (logBytes > 16 * 1024 * 1024 || compactions > 0)) unsafe++;
      };
      return made;
    } as () => never); // The overload that is called here, with no argument.
    vi.spyOn(ClassicLevel.prototype, "compactRange").mockImplementation(async function (
      this: ClassicLevel<Uint8Array, Uint8Array>,
      ...range: unknown[]
    ) {
      // All that was written before must be on disk now.
      if (events.at(-1)?.sync !== true) unsafe++;
      compactions++;
      compacted++;
      logBytes = 0;
      await Reflect.apply(compactRange, this, range);
      compactions--;
    });
    try {
      const backend = await open();
      const value = new Uint8Array(VALUE_BYTES);
      for (const pairs of [10, 100, 10, 700, 50, 20, 30, 300, 5, 400, 20]) {
        for (let i = 0; i < pairs; i++) backend.put(encodeUtf8(`${pairs} ${i}`), value);
        backend.commit();
        await vi.waitFor(() => expect(backend.backlogBytes).toBe(0), {
          timeout: 5000,
          interval: 1,
        });
      }
      await backend.reclaim();
      await backend.close();
      expect({ unsafe, failures }).toEqual({ unsafe: 0, failures: [] });
      // There were writes that needed no sync: it is not that everything is synced.
      expect(events.filter(({ sync }) => !sync).length).toBeGreaterThan(2);
      expect(compacted).toBeGreaterThan(2);
    } finally {
      vi.restoreAllMocks();
    }
  });

  const broken: [string, () => AsyncIterable<Uint8Array>][] = [
    ["is cut short", () => firstOf(encodeImage(batches(IMAGE)))],
    ["cannot be received", () => failing(encodeImage(batches(IMAGE)))],
  ];
  it.each(broken)("keeps the old state where the image %s", async (_why, chunks) => {
    const backend = await open();
    backend.put(...pair("old", "1"));
    backend.commit();
    const installed = backend.installImage(chunks(), NO_STEPS);
    await expect(installed).rejects.toBeInstanceOf(ImageRefusedError);
    backend.put(...pair("old 2", "1"));
    backend.commit();
    await backend.close();
    const again = await open();
    expect(await contents(again)).toEqual({ old: "1", "old 2": "1" });
    await again.close();
    expect(failures).toEqual([]);
  });

  it("open() says what to do where files of the database are missing", async () => {
    for (const kind of [/^MANIFEST/, /\.ldb$/]) {
      const at = `${dir}/${kind.source}`;
      const backend = await open(at);
      backend.put(encodeUtf8("key"), encodeUtf8("value"));
      backend.commit();
      await backend.close();
      await (await open(at)).close(); // Makes a table of the log.
      const files = (await readdir(at)).filter((name) => kind.test(name));
      expect(files).not.toEqual([]);
      for (const name of files) await rm(`${at}/${name}`);
      await expect(open(at)).rejects.toThrow(
        /Cannot open the database in .*; restore this member from its peers or a backup$/,
      );
    }
  });

  it("keeps the old state where the image is refused on inspection", async () => {
    const backend = await open();
    backend.put(...pair("old", "1"));
    backend.commit();
    const inspect = (): Promise<void> => Promise.reject(new RangeError("not what was said"));
    await expect(
      backend.installImage(encodeImage(batches(IMAGE)), { ...NO_STEPS, inspect }),
    ).rejects.toThrow("Cannot take the image: not what was said");
    await backend.flush();
    expect(await contents(backend)).toEqual({ old: "1" });
    await backend.close();
  });

  it("fails for good where the image cannot take the database's place", async () => {
    const backend = await open();
    const installed = backend.installImage(encodeImage(batches(IMAGE)), {
      ...NO_STEPS,
      // The image vanishes: it cannot be moved.
      beforeSwap: () => renameSync(`${dir}/store.new`, `${dir}/elsewhere`),
    });
    await expect(installed).rejects.not.toBeInstanceOf(ImageRefusedError);
    expect(failures).toHaveLength(1);
    await expect(backend.flush()).rejects.toThrow("Cannot write the database");
  });
});

describe("LevelBackend.open() after a crash while an image was installed", () => {
  /** The old database in `store`, the image's in `store.new`. */
  beforeEach(async () => {
    const old = await open();
    old.put(...pair("old", "1"));
    old.commit();
    await old.close();
    const image = await open(`${dir}/store.new`);
    for (const [key, value] of IMAGE) image.put(key, value);
    image.commit();
    await image.close();
  });

  const steps: [string, () => Promise<unknown>, "old" | "new"][] = [
    ["before the image was whole", async () => rm(`${dir}/store.new/CURRENT`), "old"],
    ["when the image was whole", async () => {}, "old"],
    ["when the image was ready", () => rename(`${dir}/store.new`, `${dir}/store.ready`), "new"],
    [
      "when the old database was half removed",
      async () => {
        await rename(`${dir}/store.new`, `${dir}/store.ready`);
        await rm(`${dir}/store/CURRENT`);
      },
      "new",
    ],
    [
      "when the old database was removed",
      async () => {
        await rename(`${dir}/store.new`, `${dir}/store.ready`);
        await rm(`${dir}/store`, { recursive: true });
      },
      "new",
    ],
  ];
  it.each(steps)("%s", async (_title, crash, expected) => {
    await crash();
    const backend = await open();
    expect(await contents(backend)).toEqual(
      expected === "old" ? { old: "1" } : { new: "1", newer: "2" },
    );
    await backend.close();
    expect(existsSync(`${dir}/store.new`)).toBe(false);
    expect(await readdir(dir)).toEqual(["store"]);
  });
});

async function* firstOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield chunk.subarray(0, chunk.length - 1);
}

async function* failing(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* firstOf(chunks);
  throw new Error("the stream broke");
}
