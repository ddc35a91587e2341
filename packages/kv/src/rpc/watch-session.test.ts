import { encodeUtf8, seededRandom, VirtualClock } from "@sagong/base";
import { describe, expect, it } from "vitest";
import { MemoryBackend } from "../backend/memory-backend.js";
import { FilterType, WatchCreateRequest, type WatchResponse } from "../gen/rpc.js";
import { MvccStore } from "../mvcc/mvcc-store.js";
import { WatchableStore } from "../watch/watchable-store.js";
import { WatchSession } from "./watch-session.js";

function setup(options: { fragmentBytes?: number } = {}) {
  const store = new MvccStore(new MemoryBackend());
  const watchable = new WatchableStore(store);
  const clock = new VirtualClock();
  let wakes = 0;
  const session = new WatchSession({
    watchable,
    revision: () => store.revision,
    header: (revision) => ({ clusterId: 1n, memberId: 2n, revision, raftTerm: 3 }),
    wakeCatchUp: () => void wakes++,
    clock,
    random: seededRandom(1),
    progressNotifyIntervalMs: 1_000,
    fragmentBytes: options.fragmentBytes ?? 1_000_000,
  });
  /** One transaction that puts these keys. */
  const put = (keys: readonly string[], size = 1): void => {
    for (const key of keys) {
      const change = { keyBytes: encodeUtf8(key), value: new Uint8Array(size), lease: 0n };
      store.put(key, change);
    }
    watchable.notify(store.endTransaction(), store.revision);
  };
  const create = (fields: Partial<WatchCreateRequest>): void => {
    const value = WatchCreateRequest.create(fields);
    session.handle({ requestUnion: { kind: "createRequest", value } });
  };
  const cancel = (watchId: number): void =>
    session.handle({ requestUnion: { kind: "cancelRequest", value: { watchId } } });
  const progress = (): void =>
    session.handle({ requestUnion: { kind: "progressRequest", value: {} } });
  const wait = Symbol("nothing queued");
  let pending: Promise<WatchResponse> | undefined;
  /** Everything that is queued now. */
  const drain = async (): Promise<WatchResponse[]> => {
    const all: WatchResponse[] = [];
    for (;;) {
      const idle = new Promise<typeof wait>((done) => setImmediate(() => done(wait)));
      // One that is still waiting is kept: it would take the next response otherwise.
      pending ??= session.queue.next();
      const next = await Promise.race([pending, idle]);
      if (next === wait) return all;
      pending = undefined;
      all.push(next);
    }
  };
  return {
    store,
    watchable,
    clock,
    session,
    put,
    create,
    cancel,
    progress,
    drain,
    wakes: () => wakes,
  };
}

const key = encodeUtf8("k");

describe("WatchSession", () => {
  it("gives ids from 0, around those that the client chose", async () => {
    const { create, drain } = setup();
    create({ key, watchId: 1 });
    for (let i = 0; i < 3; i++) create({ key });
    expect((await drain()).map(({ watchId }) => watchId)).toEqual([1, 0, 2, 3]);
  });

  it("watches from the first key when no key is given", async () => {
    const { create, put, drain } = setup();
    create({ rangeEnd: new Uint8Array(1) });
    put(["anything"]);
    expect((await drain()).at(-1)?.events).toHaveLength(1);
  });

  it("answers a negative start with created and canceled at once", async () => {
    const { create, drain } = setup();
    create({ key, startRevision: -1 });
    expect(await drain()).toMatchObject([{ created: true, canceled: true, watchId: -1 }]);
  });

  it("leaves out what the filters leave out, and sends nothing where nothing is left", async () => {
    const { create, put, drain } = setup();
    create({ key, filters: [FilterType.NOPUT] });
    put(["k"]);
    expect(await drain()).toHaveLength(1);
  });

  it("splits a revision's events only when asked, and marks all parts but the last", async () => {
    const { create, put, drain } = setup({ fragmentBytes: 1_500 });
    create({ key, rangeEnd: encodeUtf8("l"), fragment: true });
    create({ key, rangeEnd: encodeUtf8("l") });
    await drain();
    put(["k1", "k2", "k3"], 1_000);
    const responses = await drain();
    const parts = responses.filter(({ watchId }) => watchId === 0);
    expect(parts.map(({ fragment, events }) => [fragment, events.length])).toEqual([
      [true, 1],
      [true, 1],
      [false, 1],
    ]);
    const whole = responses.filter(({ watchId }) => watchId === 1);
    expect(whole.map(({ fragment, events }) => [fragment, events.length])).toEqual([[false, 3]]);
  });

  it("ignores the cancellation of a watch that is not there", async () => {
    const { cancel, drain } = setup();
    cancel(5);
    expect(await drain()).toEqual([]);
  });

  it("answers a progress request only when every watch has everything", async () => {
    const { create, progress, put, drain, watchable } = setup();
    progress();
    expect(await drain()).toEqual([]); // No watch.
    put(["k"]);
    create({ key, startRevision: 2 });
    progress();
    expect(await drain()).toMatchObject([{ created: true }]); // Behind.
    while (watchable.hasBehind) watchable.catchUp();
    progress();
    const [event, answer] = await drain();
    expect(event?.events).toHaveLength(1);
    expect(answer).toMatchObject({ watchId: -1, events: [], header: { revision: 2 } });
  });

  it("tells no progress before the revision at which a watch starts (etcd #20221)", async () => {
    const { create, progress, put, drain } = setup();
    create({ key, startRevision: 3 });
    await drain();
    progress();
    put(["k"]); // Revision 2.
    progress();
    expect(await drain()).toEqual([]);
    put(["other"]); // Revision 3.
    progress();
    expect(await drain()).toMatchObject([{ watchId: -1, header: { revision: 3 } }]);
  });

  it("notifies progress of quiet watches that asked for it, after the interval", async () => {
    const { create, put, drain, clock } = setup();
    create({ key, progressNotify: true });
    create({ key });
    await drain();
    clock.advance(1_100);
    expect(await drain()).toMatchObject([{ watchId: 0, events: [] }]);
    put(["k"]);
    await drain();
    clock.advance(1_100);
    expect(await drain()).toEqual([]); // Not quiet: an event was sent.
    clock.advance(1_100);
    expect(await drain()).toHaveLength(1);
  });

  it("lets a slow client fall behind and brings it up, losing and repeating nothing", async () => {
    const { create, put, drain, watchable, wakes } = setup();
    create({ key });
    await drain();
    for (let i = 0; i < 300; i++) put(["k"]);
    expect(watchable.hasBehind).toBe(true);
    const seen: (number | undefined)[] = [];
    const before = wakes();
    for (let i = 0; i < 10; i++) {
      for (const { events } of await drain()) seen.push(...events.map((e) => e.kv?.modRevision));
      watchable.catchUp();
    }
    expect(seen).toEqual(Array.from({ length: 300 }, (_, i) => i + 2));
    expect(wakes()).toBeGreaterThan(before);
    expect(watchable.hasBehind).toBe(false);
  });

  it("ends a watch whose history is compacted, with the revision and no reason", async () => {
    const { create, put, drain, store, watchable } = setup();
    for (let i = 0; i < 5; i++) put(["k"]);
    store.compact(5);
    create({ key, startRevision: 2 });
    while (watchable.hasBehind) watchable.catchUp();
    expect(await drain()).toMatchObject([
      { created: true, canceled: false },
      { canceled: true, compactRevision: 5, cancelReason: "", header: { revision: 0 } },
    ]);
  });

  it("close() leaves no watcher behind, and a request after it makes none", async () => {
    const { create, session, watchable } = setup();
    create({ key, startRevision: 1 });
    expect(watchable.hasBehind).toBe(true);
    session.close();
    create({ key, startRevision: 1 });
    expect(watchable.hasBehind).toBe(false);
    expect(session.watchCount).toBe(0);
  });
});
