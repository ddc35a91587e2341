/**
 * What every `Storage` does, as one suite: in memory, on our store, and on the original etcd. The
 * registry and the watch cache rely on each sentence of it.
 */
import { delay } from "@sagong/base";
import { realClock } from "@sagong/base/real";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isApiError, type StatusReason } from "../api/api-status.js";
import type { KubeObject } from "../api/resource.js";
import type { Storage, StorageBatch, StorageEvent } from "../storage/storage.js";

export interface StorageFixture {
  readonly storage: Storage;
  /** Makes the store forget how things were before `version`. */
  compact(version: number): Promise<void>;
  close(): Promise<void>;
}

interface Labelled extends KubeObject {
  readonly data?: unknown;
}

function object(name: string, data?: unknown): Labelled {
  return { metadata: { name, namespace: "default" }, ...(data === undefined ? {} : { data }) };
}

/** The key of an object, as the watch cache makes it too. */
function keyIn(prefix: string, name: string): string {
  return `${prefix}default/${name}`;
}

async function reasonOf(call: Promise<unknown>): Promise<StatusReason | "no refusal"> {
  try {
    await call;
  } catch (error) {
    if (isApiError(error)) return error.reason;
    throw error;
  }
  return "no refusal";
}

export function storageSuite(name: string, open: () => Promise<StorageFixture>): void {
  describe(name, () => {
    let fixture: StorageFixture;
    let tests = 0;
    beforeAll(async () => {
      fixture = await open();
    });
    afterAll(() => fixture.close());
    /** A prefix of its own for each test. */
    const begin = (): { storage: Storage; prefix: string } => ({
      storage: fixture.storage,
      prefix: `/things-${++tests}/`,
    });

    objectTests(begin);
    listTests(begin, () => fixture);
    watchTests(begin, () => fixture);
  });
}

type Begin = () => { readonly storage: Storage; readonly prefix: string };

function objectTests(begin: Begin): void {
  it("create() stores once, at a version that grows", async () => {
    const { storage, prefix } = begin();
    const key = keyIn(prefix, "a");
    const first = await storage.create(key, object("a", { x: 1 }));
    expect(first).toBeGreaterThan(0);
    expect(await storage.create(key, object("a", { x: 2 }))).toBeUndefined();
    expect(await storage.get(key)).toEqual({ object: object("a", { x: 1 }), version: first });
    const second = await storage.create(keyIn(prefix, "b"), object("b"));
    expect(second).toBeGreaterThan(first ?? 0);
    expect(await storage.get(keyIn(prefix, "none"))).toBeUndefined();
  });

  it("update() and delete() happen at the expected version only", async () => {
    const { storage, prefix } = begin();
    const key = keyIn(prefix, "a");
    const first = (await storage.create(key, object("a"))) ?? 0;
    const second = (await storage.update(key, object("a", 2), first)) ?? 0;
    expect(second).toBeGreaterThan(first);
    expect(await storage.update(key, object("a", 3), first)).toBeUndefined();
    expect(await storage.delete(key, first)).toBeUndefined();
    expect((await storage.get(key))?.object).toEqual(object("a", 2));
    expect(await storage.delete(key, second)).toBeGreaterThan(second);
    expect(await storage.get(key)).toBeUndefined();
    expect(await storage.delete(key, second)).toBeUndefined();
    expect(await storage.update(key, object("a"), second)).toBeUndefined();
  });

  it("of many writers at one version, one gets through", async () => {
    const { storage, prefix } = begin();
    const key = keyIn(prefix, "a");
    const version = (await storage.create(key, object("a"))) ?? 0;
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, (_, i) => storage.update(key, object("a", i), version)),
    );
    expect(outcomes.filter((outcome) => outcome !== undefined)).toHaveLength(1);
  });

  it("gives back what it was given: text of any script, numbers, nesting, emptiness", async () => {
    const { storage, prefix } = begin();
    const data = {
      text: '漢字 ü 🙂 \u0000 \\ "',
      long: "x".repeat(100_000),
      numbers: [0, -1, 1.5, 2 ** 31, 2 ** 53 - 1, -(2 ** 53) + 1],
      empty: { list: [], map: {}, text: "" },
      flags: [true, false, null],
      "key with / and \u2028": { constructor: "x", toString: 1 },
    };
    await storage.create(keyIn(prefix, "a"), object("a", data));
    expect((await storage.get(keyIn(prefix, "a")))?.object).toEqual(object("a", data));
    // What is undefined comes back so, and not as null.
    await storage.create(keyIn(prefix, "b"), object("b", { gone: undefined }));
    expect((await storage.get(keyIn(prefix, "b")))?.object).toEqual(object("b", {}));
  });
}

function listTests(begin: Begin, fixture: () => StorageFixture): void {
  const names = ["a", "a-b", "a.b", "b", "c"];
  const fill = async ({ storage, prefix }: ReturnType<Begin>): Promise<number> => {
    for (const name of names.toReversed()) await storage.create(keyIn(prefix, name), object(name));
    return (await storage.list(prefix)).version;
  };
  const namesOf = (items: readonly { readonly object: KubeObject }[]): unknown[] =>
    items.map(({ object: { metadata } }) => metadata.name);

  it("list() gives all below the prefix, in order of keys, and nothing beside it", async () => {
    const at = begin();
    await fill(at);
    await at.storage.create(`${at.prefix.slice(0, -1)}-more/default/x`, object("x"));
    const list = await at.storage.list(at.prefix);
    expect(namesOf(list.items)).toEqual(names);
    expect(list).toMatchObject({ more: false, remaining: 0 });
    const empty = await at.storage.list("/nothing-there/");
    expect(empty).toMatchObject({ items: [], more: false, remaining: 0 });
    expect(empty.version).toBeGreaterThanOrEqual(list.version);
  });

  it("list() in pages tells what is left", async () => {
    const at = begin();
    await fill(at);
    const first = await at.storage.list(at.prefix, { limit: 2 });
    expect(namesOf(first.items)).toEqual(["a", "a-b"]);
    expect(first).toMatchObject({ more: true, remaining: 3 });
    const after = keyIn(at.prefix, "a-b");
    const rest = await at.storage.list(at.prefix, { limit: 3, after, version: first.version });
    expect(namesOf(rest.items)).toEqual(["a.b", "b", "c"]);
    expect(rest).toMatchObject({ more: false, remaining: 0, version: first.version });
    const exact = await at.storage.list(at.prefix, { limit: 5 });
    expect(exact).toMatchObject({ more: false, remaining: 0 });
  });

  it("list() of a version shows how things were", async () => {
    const at = begin();
    const version = await fill(at);
    const before = await at.storage.list(at.prefix);
    const stored = before.items[0];
    await at.storage.update(keyIn(at.prefix, "a"), object("a", "new"), stored?.version ?? 0);
    await at.storage.delete(keyIn(at.prefix, "b"), before.items[3]?.version ?? 0);
    await at.storage.create(keyIn(at.prefix, "z"), object("z"));
    const then = await at.storage.list(at.prefix, { version });
    expect(then).toEqual({ ...before, version });
    expect(namesOf((await at.storage.list(at.prefix)).items)).toEqual([
      "a",
      "a-b",
      "a.b",
      "c",
      "z",
    ]);
  });

  it("list() of a version that is forgotten is Expired, of a future one a Timeout", async () => {
    const at = begin();
    const version = await fill(at);
    await at.storage.create(keyIn(at.prefix, "z"), object("z"));
    const { version: now } = await at.storage.list(at.prefix);
    await fixture().compact(now);
    expect(await reasonOf(at.storage.list(at.prefix, { version }))).toBe("Expired");
    expect(await reasonOf(at.storage.list(at.prefix, { version: now }))).toBe("no refusal");
    expect(await reasonOf(at.storage.list(at.prefix, { version: now + 1_000 }))).toBe("Timeout");
  });
}

function watchTests(begin: Begin, fixture: () => StorageFixture): void {
  it("watch() gives every change after its version, once, in order", async () => {
    const { storage, prefix } = begin();
    const key = keyIn(prefix, "a");
    const first = (await storage.create(key, object("a"))) ?? 0;
    const reader = new Reader(storage, prefix, first);
    const second = (await storage.update(key, object("a", 2), first)) ?? 0;
    await storage.create("/elsewhere/x", object("x"));
    const third = (await storage.delete(key, second)) ?? 0;
    const fourth = (await storage.create(key, object("a", 4))) ?? 0;
    expect(await reader.events(3)).toEqual([
      { type: "put", key, object: object("a", 2), version: second },
      { type: "delete", key, version: third },
      { type: "put", key, object: object("a", 4), version: fourth },
    ]);
    await reader.stop();
  });

  it("watch() from an old version gives what has been since", async () => {
    const { storage, prefix } = begin();
    const { version } = await storage.list(prefix);
    const versions: (number | undefined)[] = [];
    for (const name of ["a", "b", "c"])
      versions.push(await storage.create(keyIn(prefix, name), object(name)));
    const reader = new Reader(storage, prefix, version);
    expect((await reader.events(3)).map((event) => event.version)).toEqual(versions);
    await reader.stop();
    const late = new Reader(storage, prefix, versions[1] ?? 0);
    expect((await late.events(1)).map((event) => event.version)).toEqual([versions[2]]);
    await late.stop();
  });

  it("requestProgress() tells how far the store has come, though nothing changed here", async () => {
    const { storage, prefix } = begin();
    const { version } = await storage.list(prefix);
    const reader = new Reader(storage, prefix, version);
    const elsewhere = (await storage.create(`${prefix.slice(0, -1)}-beside/x`, object("x"))) ?? 0;
    await reader.reach(elsewhere);
    await reader.stop();
  });

  it("a batch's version is that of its last event, or later", async () => {
    const { storage, prefix } = begin();
    const { version } = await storage.list(prefix);
    const reader = new Reader(storage, prefix, version);
    await Promise.all(
      Array.from({ length: 50 }, (_, i) => storage.create(keyIn(prefix, `n${i}`), object(`n${i}`))),
    );
    const events = await reader.events(50);
    const versions = events.map((event) => event.version);
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    expect(new Set(versions).size).toBe(50);
    for (const batch of reader.batches) {
      const last = batch.events.at(-1)?.version ?? 0;
      expect(batch.version).toBeGreaterThanOrEqual(last);
    }
    await reader.stop();
  });

  it("watch() from a forgotten version is Expired", async () => {
    const { storage, prefix } = begin();
    const version = (await storage.create(keyIn(prefix, "a"), object("a"))) ?? 0;
    await storage.create(keyIn(prefix, "b"), object("b"));
    const now = (await storage.create(keyIn(prefix, "c"), object("c"))) ?? 0;
    await fixture().compact(now);
    const reader = new Reader(storage, prefix, version);
    expect(await reasonOf(reader.events(1))).toBe("Expired");
    const fresh = new Reader(storage, prefix, now);
    await storage.create(keyIn(prefix, "d"), object("d"));
    expect((await fresh.events(1)).map(({ key }) => key)).toEqual([keyIn(prefix, "d")]);
    await fresh.stop();
  });

  it("watch() ends when its signal is aborted", async () => {
    const { storage, prefix } = begin();
    const reader = new Reader(storage, prefix, (await storage.list(prefix)).version);
    const ended = reader.end();
    await reader.stop();
    await ended;
  });
}

/** One watch, read as tests want it. */
class Reader {
  readonly batches: StorageBatch[] = [];
  readonly #abort = new AbortController();
  readonly #iterator: AsyncIterator<StorageBatch>;
  readonly #requestProgress: () => void;
  readonly #events: StorageEvent[] = [];
  readonly #clock = realClock();

  constructor(storage: Storage, prefix: string, version: number) {
    const watch = storage.watch(prefix, version, this.#abort.signal);
    this.#iterator = watch[Symbol.asyncIterator]();
    this.#requestProgress = () => watch.requestProgress();
  }

  async #next(): Promise<boolean> {
    const { done, value } = await this.#iterator.next();
    if (done) return false;
    this.batches.push(value);
    this.#events.push(...value.events);
    return true;
  }

  async events(count: number): Promise<readonly StorageEvent[]> {
    while (this.#events.length < count) if (!(await this.#next())) break;
    return this.#events.splice(0, count);
  }

  async reach(version: number): Promise<void> {
    while ((this.batches.at(-1)?.version ?? 0) < version) {
      const next = this.#next();
      let isNews: boolean | undefined;
      do {
        // Asked for once may be once too early: the store answers when the watch is established.
        this.#requestProgress();
        isNews = await Promise.race([next, delay(this.#clock, 10).then(() => undefined)]);
      } while (isNews === undefined);
      if (!isNews) throw new Error("the watch ended");
    }
  }

  async end(): Promise<void> {
    try {
      while (await this.#next());
    } catch (error) {
      if (!this.#abort.signal.aborted) throw error;
    }
  }

  async stop(): Promise<void> {
    this.#abort.abort(new Error("the test is over"));
    await this.end();
  }
}
