/** What every `Databases` must do: LevelDB, and its twin in simulations. */
import { decodeUtf8, encodeUtf8 } from "@sagong/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Database, DatabaseReader, Databases } from "../backend/databases.js";

export interface DatabasesFixture {
  readonly databases: Databases;
  /** A folder's name; its parent is there, and holds nothing else. */
  readonly dir: string;
  remove(): Promise<void>;
}

const OPTIONS = { writeBufferBytes: 4 * 1024 * 1024 };
const [LOWEST, HIGHEST] = [Uint8Array.of(0), new Uint8Array(32).fill(0xff)];

interface Batch {
  readonly kind: "batch";
  /** Undefined: delete. */
  readonly writes: readonly (readonly [key: string, value: string | undefined])[];
  readonly sync: boolean;
}
type Step = Batch | { readonly kind: "compact" } | { readonly kind: "reopen" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("batch" as const),
      writes: fc.array(
        fc.tuple(fc.constantFrom("", "a", "b", "ab"), fc.option(fc.string(), { nil: undefined })),
        { maxLength: 5 },
      ),
      sync: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom({ kind: "compact" as const }, { kind: "reopen" as const }),
  },
);

export function databasesSuite(title: string, create: () => Promise<DatabasesFixture>): void {
  const test = (what: string, run: (fixture: DatabasesFixture) => Promise<void>): void => {
    it(what, async () => {
      const fixture = await create();
      try {
        await run(fixture);
      } finally {
        await fixture.remove();
      }
    });
  };

  describe(title, () => {
    test("open() makes a database, and keeps what is written over a restart", async (fixture) => {
      const { databases, dir } = fixture;
      expect(await databases.exists(dir)).toBe(false);
      const database = await databases.open(dir, OPTIONS);
      expect(await databases.exists(dir)).toBe(true);
      await put(database, "a", "1");
      await put(database, "b", "");
      await database.close();
      const again = await databases.open(dir, OPTIONS);
      expect(await contents(again)).toEqual({ a: "1", b: "" });
      await again.close();
    });

    test("open() refuses one that is open", async ({ databases, dir }) => {
      const database = await databases.open(dir, OPTIONS);
      const refused: unknown = await databases.open(dir, OPTIONS).catch((error: unknown) => error);
      expect(codes(refused)).toContain("LEVEL_LOCKED");
      await database.close();
    });

    test("is a map, through every order of batches, compactions and restarts", async (fixture) => {
      const { databases, dir } = fixture;
      let database = await databases.open(dir, OPTIONS);
      const model = new Map<string, string>();
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
          for (const one of steps) {
            if (one.kind === "compact") await database.compactRange(LOWEST, HIGHEST);
            else if (one.kind === "reopen") {
              await database.close();
              database = await databases.open(dir, OPTIONS);
            } else await write(database, one, model);
          }
          expect(await contents(database)).toEqual(Object.fromEntries(model));
          for (const known of ["k", "ka", "kb", "kab"]) {
            const value = database.getSync(encodeUtf8(known));
            expect(value && decodeUtf8(value)).toBe(model.get(known));
          }
        }),
        { numRuns: 25 },
      );
      await database.close();
    });

    test("keys come in order of bytes, in as many steps as are wanted", async ({
      databases,
      dir,
    }) => {
      const database = await databases.open(dir, OPTIONS);
      const keys = [[1], [1, 0], [0x7f], [0x80], [0xff], [0xff, 0]];
      const batch = database.batch();
      for (const key of keys.toReversed()) batch.put(Uint8Array.from(key), Uint8Array.of(1));
      await batch.write();
      const iterator = database.iterator();
      const seen: number[][] = [];
      for (;;) {
        const pairs = await iterator.nextv(4);
        if (pairs.length === 0) break;
        seen.push(...pairs.map(([key]) => [...key]));
      }
      await iterator.close();
      expect(seen).toEqual(keys);
      await database.close();
    });

    test("a snapshot and an iterator see nothing of later writes", async ({ databases, dir }) => {
      const database = await databases.open(dir, OPTIONS);
      await put(database, "a", "1");
      const snapshot = database.snapshot();
      const iterator = database.iterator();
      await put(database, "a", "2");
      await put(database, "b", "2");
      expect(await contents(snapshot)).toEqual({ a: "1" });
      expect(decodeUtf8(snapshot.getSync(encodeUtf8("a")) ?? new Uint8Array(0))).toBe("1");
      expect((await iterator.nextv(9)).length).toBe(1);
      await iterator.close();
      await snapshot.close();
      expect(await contents(database)).toEqual({ a: "2", b: "2" });
      await database.close();
    });

    test("what was given to a batch is the caller's again", async ({ databases, dir }) => {
      const database = await databases.open(dir, OPTIONS);
      const value = encodeUtf8("1");
      const batch = database.batch();
      batch.put(encodeUtf8("a"), value);
      value[0] = 0;
      await batch.write({ sync: true });
      expect(await contents(database)).toEqual({ a: "1" });
      await database.close();
    });

    test("a database is moved with all it holds, and removed", async ({ databases, dir }) => {
      const [fresh, ready] = [`${dir}.new`, `${dir}.ready`];
      const database = await databases.open(fresh, OPTIONS);
      await put(database, "a", "1");
      await database.close();
      await databases.syncContents(fresh);
      await databases.rename(fresh, ready);
      await databases.syncNames(dir);
      expect(await databases.exists(fresh)).toBe(false);
      const moved = await databases.open(ready, OPTIONS);
      expect(await contents(moved)).toEqual({ a: "1" });
      await moved.close();
      await databases.remove(ready);
      await databases.remove(ready);
      expect(await databases.exists(ready)).toBe(false);
      await expect(databases.rename(ready, dir)).rejects.toThrow("ENOENT");
      const empty = await databases.open(ready, OPTIONS);
      expect(await contents(empty)).toEqual({});
      await empty.close();
    });

    test("files beside a database keep what is written to any place", async (fixture) => {
      const { databases, dir } = fixture;
      const database = await databases.open(dir, OPTIONS);
      const files = databases.files(dir);
      const file = await files.create("a.blocks");
      expect(file.sizeBytes).toBe(0);
      await file.write([encodeUtf8("one "), encodeUtf8("two "), new Uint8Array(0)], 0);
      await file.write([encodeUtf8("three")], 8);
      await file.sync();
      await files.syncNames();
      const [first, second] = [new Uint8Array(6), new Uint8Array(4)];
      expect(await file.read([first, second], 2)).toBe(10);
      expect([decodeUtf8(first), decodeUtf8(second)]).toEqual(["e two ", "thre"]);
      expect(file.readSync(first, 10)).toBe(3);
      expect(decodeUtf8(first.subarray(0, 3))).toBe("ree");
      expect(file.readSync(first, 100)).toBe(0);
      expect(await file.read([new Uint8Array(20)], 0)).toBe(13);
      await file.close();
      const again = await files.open("a.blocks");
      expect(again.sizeBytes).toBe(13);
      await again.close();
      await database.close();
    });

    test("files have names of their own, of which none is given twice", async (fixture) => {
      const { databases, dir } = fixture;
      const database = await databases.open(dir, OPTIONS);
      const files = databases.files(dir);
      const names = async (): Promise<string[]> =>
        (await files.list()).filter((name) => name.endsWith(".blocks")).toSorted();
      expect(await names()).toEqual([]);
      for (const name of ["b.blocks", "a.blocks"]) await (await files.create(name)).close();
      expect(await names()).toEqual(["a.blocks", "b.blocks"]);
      await expect(files.create("a.blocks")).rejects.toThrow("EEXIST");
      await expect(files.open("c.blocks")).rejects.toThrow("ENOENT");
      await files.remove("a.blocks");
      await files.remove("a.blocks");
      expect(await names()).toEqual(["b.blocks"]);
      await database.close();
      // LevelDB removes files that it does not need: ours are none of those.
      const again = await databases.open(dir, OPTIONS);
      await again.compactRange(LOWEST, HIGHEST);
      expect(await names()).toEqual(["b.blocks"]);
      await again.close();
    });

    test("files move with their database, and go with it", async ({ databases, dir }) => {
      const database = await databases.open(dir, OPTIONS);
      const file = await databases.files(dir).create("a.blocks");
      await file.write([encodeUtf8("1")], 0);
      await file.close();
      await database.close();
      await databases.syncContents(dir);
      await databases.rename(dir, `${dir}.ready`);
      const moved = await databases.open(`${dir}.ready`, OPTIONS);
      const there = await databases.files(`${dir}.ready`).open("a.blocks");
      expect(there.sizeBytes).toBe(1);
      await there.close();
      await moved.close();
      await databases.remove(`${dir}.ready`);
      const empty = await databases.open(`${dir}.ready`, OPTIONS);
      expect(await databases.files(`${dir}.ready`).list()).not.toContain("a.blocks");
      await empty.close();
    });

    test("sizes grow with what is written, and shrink with a compaction", async (fixture) => {
      const { databases, dir } = fixture;
      const database = await databases.open(dir, OPTIONS);
      const before = await databases.logBytes(dir);
      const keys = Array.from({ length: 200 }, (_, i) => encodeUtf8(`key ${i}`));
      const random = Uint8Array.from(
        { length: 5_000 },
        (_, i) => Math.imul(i, 2_654_435_761) >>> 24,
      );
      const batch = database.batch();
      for (const key of keys) batch.put(key, random);
      await batch.write();
      expect((await databases.logBytes(dir)) - before).toBeGreaterThan(900_000);
      await database.compactRange(LOWEST, HIGHEST);
      expect(await databases.logBytes(dir)).toBeLessThan(100_000);
      const full = await database.approximateSize(new Uint8Array(0), HIGHEST);
      const removal = database.batch();
      for (const key of keys) removal.del(key);
      await removal.write();
      await database.compactRange(LOWEST, HIGHEST);
      expect(await database.approximateSize(new Uint8Array(0), HIGHEST)).toBeLessThan(full);
      await database.close();
    });
  });
}

async function put(database: Database, key: string, value: string): Promise<void> {
  const batch = database.batch();
  batch.put(encodeUtf8(key), encodeUtf8(value));
  await batch.write();
}

async function write(
  database: Database,
  { writes, sync }: Batch,
  model: Map<string, string>,
): Promise<void> {
  const batch = database.batch();
  for (const [key, value] of writes) {
    if (value === undefined) {
      batch.del(encodeUtf8(`k${key}`));
      model.delete(`k${key}`);
    } else {
      batch.put(encodeUtf8(`k${key}`), encodeUtf8(value));
      model.set(`k${key}`, value);
    }
  }
  await batch.write({ sync });
}

async function contents(reader: DatabaseReader): Promise<Record<string, string>> {
  const iterator = reader.iterator();
  const found: Record<string, string> = {};
  for (;;) {
    const pairs = await iterator.nextv(100);
    if (pairs.length === 0) break;
    for (const [key, value] of pairs) found[decodeUtf8(key)] = decodeUtf8(value);
  }
  await iterator.close();
  return found;
}

/** Of an error and its causes. */
function codes(error: unknown): unknown[] {
  const found: unknown[] = [];
  for (let one: unknown = error; one instanceof Error; one = one.cause) {
    if ("code" in one) found.push(one.code);
  }
  return found;
}
