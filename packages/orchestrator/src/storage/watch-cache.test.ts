import { VirtualClock, silentLogger } from "@sagong/base";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { expired } from "../api/api-status.js";
import type { KubeObject } from "../api/resource.js";
import { MemoryStorage } from "./memory-storage.js";
import type { ListRequest, Storage, StorageWatch, Stored, StoredList } from "./storage.js";
import { type CacheWatch, WatchCache, WatchStoppedError } from "./watch-cache.js";

const PREFIX = "/things/";

/** Storage in memory whose reads and watches can be made to fail, as those of a store may. */
class FaultyStorage implements Storage {
  readonly inner = new MemoryStorage();
  listFault: Error | undefined;
  watchFault: Error | undefined;
  watches = 0;
  #breakWatches = new AbortController();

  get(key: string): Promise<Stored | undefined> {
    return this.inner.get(key);
  }

  async list(prefix: string, request?: ListRequest): Promise<StoredList> {
    if (this.listFault) throw this.listFault;
    return this.inner.list(prefix, request);
  }

  create(key: string, object: KubeObject): Promise<number | undefined> {
    return this.inner.create(key, object);
  }

  update(key: string, object: KubeObject, expected: number): Promise<number | undefined> {
    return this.inner.update(key, object, expected);
  }

  delete(key: string, expected: number): Promise<number | undefined> {
    return this.inner.delete(key, expected);
  }

  watch(prefix: string, version: number, signal: AbortSignal): StorageWatch {
    this.watches++;
    const broken = this.#breakWatches.signal;
    const watch = this.inner.watch(prefix, version, AbortSignal.any([signal, broken]));
    const fault = this.watchFault;
    async function* events() {
      if (fault) throw fault;
      yield* watch;
      if (broken.aborted) throw new Error("the connection broke");
    }
    return { [Symbol.asyncIterator]: events, requestProgress: () => watch.requestProgress() };
  }

  /** Ends the watches that are under way. */
  breakWatches(): void {
    this.#breakWatches.abort();
    this.#breakWatches = new AbortController();
  }
}

const opened: WatchCache[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((cache) => cache.close()));
});

function open(storage: Storage = new MemoryStorage()) {
  const clock = new VirtualClock();
  const cache = new WatchCache(PREFIX, { storage, clock, logger: silentLogger });
  opened.push(cache);
  return { cache, clock };
}

const key = (name: string): string => `${PREFIX}default/${name}`;

function object(name: string, value = 0): KubeObject {
  return { metadata: { name, namespace: "default", labels: { value: String(value) } } };
}

async function put(storage: Storage, name: string, value = 0): Promise<number> {
  const stored = await storage.get(key(name));
  const version = stored
    ? await storage.update(key(name), object(name, value), stored.version)
    : await storage.create(key(name), object(name, value));
  if (version === undefined) throw new Error(`${name} was written by another`);
  return version;
}

async function remove(storage: Storage, name: string): Promise<number> {
  const stored = await storage.get(key(name));
  const version = stored && (await storage.delete(key(name), stored.version));
  if (version === undefined) throw new Error(`${name} is not there`);
  return version;
}

/** Until the cache has come to `version`; time stands still meanwhile. */
async function caughtUp(cache: WatchCache, version: number): Promise<void> {
  await cache.list();
  while (cache.version < version) await turn();
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What a call is refused with, once it is. */
async function faultOf(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error("the call was not refused");
}

/** Lets everything happen that is due within `ms`. */
async function pass(clock: VirtualClock, ms: number): Promise<void> {
  for (let step = 0; step < 20; step++) {
    await turn();
    clock.advance(ms / 20);
  }
  await turn();
}

/** `name@version`, a minus before deletions; as many as asked for. */
async function seen(watch: CacheWatch, count: number): Promise<string[]> {
  const texts: string[] = [];
  while (texts.length < count) {
    for (const { object: changed, version, deleted } of (await watch.next()).changes) {
      expect(changed.metadata.resourceVersion).toBe(String(version));
      texts.push(`${deleted ? "-" : ""}${changed.metadata.name}@${version}`);
    }
  }
  return texts;
}

describe("WatchCache", () => {
  it("list() is the store's objects, with their versions, in order of keys", async () => {
    const storage = new MemoryStorage();
    const versions = [await put(storage, "b"), await put(storage, "a")];
    const { cache } = open(storage);
    const { items, version } = await cache.list();
    expect(
      items.map(({ object: { metadata } }) => [metadata.name, metadata.resourceVersion]),
    ).toEqual([
      ["a", String(versions[1])],
      ["b", String(versions[0])],
    ]);
    expect(version).toBe(versions[1]);
    await caughtUp(cache, await remove(storage, "a"));
    expect((await cache.list()).items).toHaveLength(1);
  });

  it("watch() from the state: what is there, then every change", async () => {
    const storage = new MemoryStorage();
    await put(storage, "a");
    const { cache } = open(storage);
    const watch = await cache.watch(undefined);
    expect(watch.initial.map(({ metadata }) => metadata.name)).toEqual(["a"]);
    const [second, third] = [await put(storage, "a", 2), await put(storage, "b")];
    const fourth = await remove(storage, "a");
    expect(await seen(watch, 3)).toEqual([`a@${second}`, `b@${third}`, `-a@${fourth}`]);
  });

  it("a change tells what was there before it, and a deletion what it was", async () => {
    const storage = new MemoryStorage();
    const { cache } = open(storage);
    const watch = await cache.watch(undefined);
    await put(storage, "a", 1);
    await put(storage, "a", 2);
    await remove(storage, "a");
    const changes = [];
    while (changes.length < 3) changes.push(...(await watch.next()).changes);
    const valueOf = (one: KubeObject | undefined) => one?.metadata.labels?.["value"];
    expect(
      changes.map(({ before, object: now, deleted }) => [valueOf(before), valueOf(now), deleted]),
    ).toEqual([
      [undefined, "1", false],
      ["1", "2", false],
      ["2", "2", true],
    ]);
  });

  it("watch() from a version gives what came after it, though it was not there", async () => {
    const storage = new MemoryStorage();
    const { cache } = open(storage);
    await cache.list();
    const first = await put(storage, "a");
    const second = await put(storage, "b");
    await caughtUp(cache, second);
    const watch = await cache.watch(first);
    expect(watch.initial).toEqual([]);
    const third = await put(storage, "c");
    expect(await seen(watch, 2)).toEqual([`b@${second}`, `c@${third}`]);
  });

  it("watchFromNow() gives nothing of what is there or was", async () => {
    const storage = new MemoryStorage();
    await put(storage, "a");
    const { cache } = open(storage);
    const watch = await cache.watchFromNow();
    expect(watch.initial).toEqual([]);
    const version = await put(storage, "b");
    expect(await seen(watch, 1)).toEqual([`b@${version}`]);
  });

  it("any watcher from any version sees just the changes after it, in order", async () => {
    const step = fc.tuple(fc.constantFrom("a", "b", "c"), fc.boolean(), fc.boolean());
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const storage = new MemoryStorage();
        const { cache } = open(storage);
        await cache.list();
        const all: { readonly text: string; readonly version: number }[] = [];
        const watches: { readonly watch: CacheWatch; readonly from: number }[] = [];
        for (const [name, isPut, watches_] of steps) {
          const exists = (await storage.get(key(name))) !== undefined;
          if (!isPut && !exists) continue;
          const version = isPut ? await put(storage, name) : await remove(storage, name);
          all.push({ text: `${isPut ? "" : "-"}${name}@${version}`, version });
          if (!watches_) continue;
          await caughtUp(cache, version);
          const from = all[Math.floor(all.length / 2)]?.version ?? version;
          watches.push({ watch: await cache.watch(from), from });
        }
        await caughtUp(cache, all.at(-1)?.version ?? 0);
        for (const { watch, from } of watches) {
          const expected = all.filter(({ version }) => version > from).map(({ text }) => text);
          expect(await seen(watch, expected.length)).toEqual(expected);
          watch.stop();
        }
      }),
      { numRuns: 50 },
    );
  });

  it("a version from before the cache, or out of its window, is Expired", async () => {
    const storage = new MemoryStorage();
    const first = await put(storage, "a");
    await put(storage, "b");
    const { cache } = open(storage);
    await expect(cache.watch(first)).rejects.toThrow(
      expired(`too old resource version: ${first} (${first + 1})`),
    );
    const known = cache.version;
    for (let i = 0; i < 8_192; i++) await put(storage, "a", i);
    await caughtUp(cache, known + 8_192);
    expect((await cache.watch(known)).initial).toEqual([]); // The window is cut when it is doubled.
    await caughtUp(cache, await put(storage, "a"));
    await expect(cache.watch(known)).rejects.toMatchObject({ reason: "Expired" });
    const kept = await cache.watch(known + 8_192 - 4_000);
    expect((await kept.next()).changes).toHaveLength(4_001);
  });

  it("a watcher that does not read is cut off; it gets what waited for it, then the end", async () => {
    const storage = new MemoryStorage();
    const { cache } = open(storage);
    const slow = await cache.watch(undefined);
    let version = 0;
    for (let i = 0; i < 10_002; i++) version = await put(storage, "a", i);
    await caughtUp(cache, version);
    expect((await slow.next()).changes).toHaveLength(10_001);
    await expect(slow.next()).rejects.toThrow(new WatchStoppedError("the watcher is too slow"));
  });

  it("wake() makes next() answer, with how far the cache has come", async () => {
    const storage = new MemoryStorage();
    const { cache } = open(storage);
    const watch = await cache.watch(undefined);
    const next = watch.next();
    const elsewhere = (await storage.create("/elsewhere/x", object("x"))) ?? 0;
    await caughtUp(cache, elsewhere);
    watch.wake();
    expect(await next).toEqual({ changes: [], version: elsewhere });
  });

  it("reach() waits for what was written, also under another prefix", async () => {
    const storage = new MemoryStorage();
    const { cache } = open(storage);
    const version = (await storage.create("/elsewhere/x", object("x"))) ?? 0;
    await cache.reach(version, 1_000);
    expect(cache.version).toBe(version);
  });

  it("reach() of a version that does not come is a Timeout with its cause", async () => {
    const { cache, clock } = open();
    const fault = faultOf(cache.reach(1_000, 3_000));
    await pass(clock, 4_000);
    expect(await fault).toMatchObject({
      reason: "Timeout",
      message: "Timeout: Too large resource version: 1000, current: 1",
      details: { causes: [{ reason: "ResourceVersionTooLarge" }], retryAfterSeconds: 1 },
    });
  });

  it("a broken watch is begun again where it was: nothing is lost, nothing comes twice", async () => {
    const storage = new FaultyStorage();
    const { cache, clock } = open(storage);
    const watch = await cache.watch(undefined);
    const first = await put(storage, "a");
    expect(await seen(watch, 1)).toEqual([`a@${first}`]);
    storage.breakWatches();
    const second = await put(storage, "b");
    await pass(clock, 1_000);
    expect(await seen(watch, 1)).toEqual([`b@${second}`]);
    expect(storage.watches).toBe(2);
  });

  it("where the store has forgotten what came since, all is read anew and watchers start over", async () => {
    const storage = new FaultyStorage();
    const { cache, clock } = open(storage);
    await caughtUp(cache, await put(storage, "gone"));
    const watch = await cache.watch(undefined);
    storage.watchFault = expired("too old");
    storage.breakWatches();
    await remove(storage, "gone");
    const version = await put(storage, "new");
    const end = faultOf(watch.next());
    await pass(clock, 700);
    storage.watchFault = undefined;
    await pass(clock, 1_500);
    expect(await end).toMatchObject({ reason: "Expired" });
    const { items } = await cache.list();
    expect(items.map(({ object: { metadata } }) => metadata.name)).toEqual(["new"]);
    expect(cache.version).toBe(version);
    // What was missed cannot be told: whoever asks for it must read anew.
    await expect(cache.watch(version - 1)).rejects.toMatchObject({ reason: "Expired" });
    const fresh = await cache.watch(version);
    const next = await put(storage, "next");
    expect(await seen(fresh, 1)).toEqual([`next@${next}`]);
  });

  it("requests wait for the first read of the store, but not for ever", async () => {
    const storage = new FaultyStorage();
    storage.listFault = new Error("no leader");
    const { cache, clock } = open(storage);
    const impatient = faultOf(cache.list());
    await pass(clock, 11_000);
    expect(await impatient).toMatchObject({ reason: "ServiceUnavailable" });
    const patient = cache.list();
    storage.listFault = undefined;
    await pass(clock, 1_000);
    expect((await patient).items).toEqual([]);
  });

  it("close() ends watches and waits, and whatever comes after it", async () => {
    const { cache } = open();
    const watch = await cache.watch(undefined);
    const ends = [faultOf(watch.next()), faultOf(cache.reach(1_000, 60_000))];
    await turn();
    await cache.close();
    expect(await Promise.all(ends)).toEqual([
      new WatchStoppedError("the server is shutting down"),
      expect.objectContaining({ reason: "ServiceUnavailable" }),
    ]);
    const late = await cache.watch(undefined);
    await expect(late.next()).rejects.toThrow("the server is shutting down");
  });
});
