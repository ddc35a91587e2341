import { encodeUtf8, seededRandom, VirtualClock } from "@sagong/base";
import { describe, expect, it } from "vitest";
import { MemoryBackend } from "../backend/memory-backend.js";
import { EncodedMessage } from "@sagong/rpc";
import { FilterType, WatchCreateRequest, WatchResponse } from "../gen/rpc.js";
import { MvccStore } from "../mvcc/mvcc-store.js";
import { WatchableStore } from "../watch/watchable-store.js";
import { WatchBudget } from "./watch-budget.js";
import { WatchResponses } from "./watch-response.js";
import { WatchSession } from "./watch-session.js";

function setup(options: { fragmentBytes?: number } = {}) {
  const store = new MvccStore(new MemoryBackend());
  const clock = new VirtualClock();
  let lookMs = 0;
  const watchable = new WatchableStore(store, {
    clock: {
      monotonicMs: () => {
        clock.advance(lookMs);
        return clock.monotonicMs();
      },
    },
  });
  const budget = new WatchBudget();
  const header = (revision: number) => ({ clusterId: 1n, memberId: 2n, revision, raftTerm: 3 });
  let wakes = 0;
  const session = new WatchSession({
    watchable,
    revision: () => store.revision,
    header,
    responses: new WatchResponses(header),
    budget,
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
    watchable.flush();
  };
  const create = (fields: Partial<WatchCreateRequest>): void => {
    const value = WatchCreateRequest.create(fields);
    session.handle({ requestUnion: { kind: "createRequest", value } });
  };
  const cancel = (watchId: number): void =>
    session.handle({ requestUnion: { kind: "cancelRequest", value: { watchId } } });
  const progress = (): void =>
    session.handle({ requestUnion: { kind: "progressRequest", value: {} } });
  /** Everything that has left since this was asked last. A client that reads nothing else. */
  const left: WatchResponse[] = [];
  const send = (messages: readonly unknown[]): boolean => {
    for (const message of messages) {
      // The session sends either; see its outbox.
      const response = message as WatchResponse | EncodedMessage;
      left.push(
        response instanceof EncodedMessage ? WatchResponse.decode(response.toBytes()) : response,
      );
    }
    return false;
  };
  session.outbox.attach({ send, end: () => {}, fail: () => {} });
  const drain = (): WatchResponse[] => {
    do session.outbox.resume();
    while (session.outbox.isBlocked);
    return left.splice(0);
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
    budget,
    slowDown: () => {
      lookMs = 10;
    },
  };
}

const key = encodeUtf8("k");

describe("WatchSession", () => {
  it("gives ids from 0, around those that the client chose", () => {
    const { create, drain } = setup();
    create({ key, watchId: 1 });
    for (let i = 0; i < 3; i++) create({ key });
    expect(drain().map(({ watchId }) => watchId)).toEqual([1, 0, 2, 3]);
  });

  it("watches from the first key when no key is given", () => {
    const { create, put, drain } = setup();
    create({ rangeEnd: new Uint8Array(1) });
    put(["anything"]);
    expect(drain().at(-1)?.events).toHaveLength(1);
  });

  it("answers a negative start with created and canceled at once", () => {
    const { create, drain } = setup();
    create({ key, startRevision: -1 });
    expect(drain()).toMatchObject([{ created: true, canceled: true, watchId: -1 }]);
  });

  it("leaves out what the filters leave out, and sends nothing where nothing is left", () => {
    const { create, put, drain } = setup();
    create({ key, filters: [FilterType.NOPUT] });
    put(["k"]);
    expect(drain()).toHaveLength(1);
  });

  it("splits a revision's events only when asked, and marks all parts but the last", () => {
    const { create, put, drain } = setup({ fragmentBytes: 1_500 });
    create({ key, rangeEnd: encodeUtf8("l"), fragment: true });
    create({ key, rangeEnd: encodeUtf8("l") });
    drain();
    put(["k1", "k2", "k3"], 1_000);
    const responses = drain();
    const parts = responses.filter(({ watchId }) => watchId === 0);
    expect(parts.map(({ fragment, events }) => [fragment, events.length])).toEqual([
      [true, 1],
      [true, 1],
      [false, 1],
    ]);
    const whole = responses.filter(({ watchId }) => watchId === 1);
    expect(whole.map(({ fragment, events }) => [fragment, events.length])).toEqual([[false, 3]]);
  });

  it("ignores the cancellation of a watch that is not there", () => {
    const { cancel, drain } = setup();
    cancel(5);
    expect(drain()).toEqual([]);
  });

  it("answers a progress request only when every watch has everything", () => {
    const { create, progress, put, drain, watchable } = setup();
    progress();
    expect(drain()).toEqual([]); // No watch.
    put(["k"]);
    create({ key, startRevision: 2 });
    progress();
    expect(drain()).toMatchObject([{ created: true }]); // Behind.
    while (watchable.hasBehind) watchable.catchUp();
    progress();
    const [event, answer] = drain();
    expect(event?.events).toHaveLength(1);
    expect(answer).toMatchObject({ watchId: -1, events: [], header: { revision: 2 } });
  });

  it("tells no progress before the revision at which a watch starts (etcd #20221)", () => {
    const { create, progress, put, drain } = setup();
    create({ key, startRevision: 3 });
    drain();
    progress();
    put(["k"]); // Revision 2.
    progress();
    expect(drain()).toEqual([]);
    put(["other"]); // Revision 3.
    progress();
    expect(drain()).toMatchObject([{ watchId: -1, header: { revision: 3 } }]);
  });

  it("notifies progress of quiet watches that asked for it, after the interval", () => {
    const { create, put, drain, clock } = setup();
    create({ key, progressNotify: true });
    create({ key });
    drain();
    clock.advance(1_100);
    expect(drain()).toMatchObject([{ watchId: 0, events: [] }]);
    put(["k"]);
    drain();
    clock.advance(1_100);
    expect(drain()).toEqual([]); // Not quiet: an event was sent.
    clock.advance(1_100);
    expect(drain()).toHaveLength(1);
  });

  it("lets a slow client fall behind and brings it up, losing and repeating nothing", () => {
    const { create, put, drain, watchable, wakes } = setup();
    create({ key });
    drain();
    for (let i = 0; i < 40; i++) put(["k"], 500_000);
    expect(watchable.hasBehind).toBe(true);
    const seen: (number | undefined)[] = [];
    const before = wakes();
    for (let i = 0; i < 4; i++) {
      for (const { events } of drain()) seen.push(...events.map((e) => e.kv?.modRevision));
      watchable.catchUp();
    }
    expect(seen).toEqual(Array.from({ length: 40 }, (_, i) => i + 2));
    expect(wakes()).toBeGreaterThan(before);
    expect(watchable.hasBehind).toBe(false);
  });

  it("takes no events for a stream that waits while all streams together have too much", () => {
    const { create, put, drain, watchable, budget } = setup();
    create({ key });
    drain();
    budget.add(1e12);
    // The first is on its way, the second waits here, the third is not taken.
    for (let i = 0; i < 3; i++) put(["k"]);
    expect(watchable.hasBehind).toBe(true);
    expect(drain()).toHaveLength(2);
    watchable.catchUp();
    expect(drain()).toHaveLength(1);
  });

  it("answers a progress request behind the events that are being delivered", () => {
    const { create, put, drain, progress, slowDown, watchable } = setup();
    for (let i = 0; i < 200; i++) create({ key });
    drain();
    slowDown(); // Each look at the time takes longer than a turn.
    put(["k"]);
    progress();
    expect(watchable.hasBehind).toBe(true);
    while (watchable.hasBehind) watchable.catchUp();
    const responses = drain();
    expect(responses).toHaveLength(201);
    expect(responses.at(-1)).toMatchObject({ watchId: -1, events: [], header: { revision: 2 } });
  });

  it("ends a watch whose history is compacted, with the revision and no reason", () => {
    const { create, put, drain, store, watchable } = setup();
    for (let i = 0; i < 5; i++) put(["k"]);
    store.compact(5);
    create({ key, startRevision: 2 });
    while (watchable.hasBehind) watchable.catchUp();
    expect(drain()).toMatchObject([
      { created: true, canceled: false },
      { canceled: true, compactRevision: 5, cancelReason: "", header: { revision: 0 } },
    ]);
  });

  it("close() leaves no watcher behind, and a request after it makes none", () => {
    const { create, session, watchable } = setup();
    create({ key, startRevision: 1 });
    expect(watchable.hasBehind).toBe(true);
    session.outbox.close(new Error("gone"));
    create({ key, startRevision: 1 });
    expect(watchable.hasBehind).toBe(false);
    expect(session.watchCount).toBe(0);
  });
});
