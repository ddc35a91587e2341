import { decodeUtf8, VirtualClock } from "@sagong/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventType } from "../gen/kv.js";
import type { Event } from "../gen/kv.js";
import { WatchResponse } from "../gen/rpc.js";
import { contains } from "../mvcc/key-index.js";
import { StateFixture } from "../testing/state-fixture.js";
import type { EventBlock } from "./event-block.js";
import { Watcher, type WatcherOptions, type WatchSink } from "./watcher.js";

const show = ({ type, kv }: Event): string =>
  `${type === EventType.DELETE ? "-" : "+"}${decodeUtf8(kv?.key ?? new Uint8Array(0))}@${kv?.modRevision}`;

const eventsOf = ({ bytes }: EventBlock): readonly Event[] => WatchResponse.decode(bytes).events;

/** A sink for one watcher. */
class Seen implements WatchSink {
  readonly events: string[] = [];
  readonly previous: (string | undefined)[] = [];
  /** It takes so many blocks more; then it is full. */
  room = Number.POSITIVE_INFINITY;
  compacted: number | undefined;
  flushes = 0;

  get isFull(): boolean {
    return this.room <= 0;
  }

  offer(_watcher: Watcher, block: EventBlock): boolean {
    if (this.isFull) return false;
    this.room--;
    const events = eventsOf(block);
    this.events.push(...events.map(show));
    for (const { prevKv } of events) this.previous.push(prevKv && decodeUtf8(prevKv.value));
    return true;
  }

  flush(): void {
    this.flushes++;
  }

  onCompacted(_watcher: Watcher, revision: number): void {
    this.compacted = revision;
  }
}

const EVERYTHING = {
  range: { start: "", end: undefined },
  startRevision: 0,
  prevKv: false,
  noPut: false,
  noDelete: false,
};

function watch(fixture: StateFixture, more: Partial<WatcherOptions> = {}): Seen {
  const sink = new Seen();
  fixture.watchable.create(new Watcher({ ...EVERYTHING, sink, ...more }));
  return sink;
}

function catchUp({ watchable }: StateFixture): void {
  while (watchable.hasBehind && watchable.catchUp());
}

describe("WatchableStore", () => {
  it("gives history from the start revision, then what comes", () => {
    const fixture = new StateFixture();
    for (const key of ["a", "b"]) fixture.put(key, "1");
    const seen = watch(fixture, { startRevision: 3 });
    catchUp(fixture);
    fixture.delete("a", "c");
    expect(seen.events).toEqual(["+b@3", "-a@4", "-b@4"]);
  });

  it("a start in the future waits for that revision, and sees nothing before it", () => {
    const fixture = new StateFixture();
    const seen = watch(fixture, { startRevision: 4 });
    for (const key of ["a", "b", "c"]) fixture.put(key, "1");
    expect(seen.events).toEqual(["+c@4"]);
  });

  it("filters and ranges leave out what is not wanted", () => {
    const fixture = new StateFixture();
    const only = watch(fixture, { range: { start: "a", end: "a\0" } });
    const deletes = watch(fixture, { noPut: true });
    for (const key of ["a", "ab", "b"]) fixture.put(key, "1");
    fixture.delete("b");
    expect(only.events).toEqual(["+a@2"]);
    expect(deletes.events).toEqual(["-b@5"]);
  });

  it("one whose sink is full gets everything later, once and in order", () => {
    const fixture = new StateFixture();
    const seen = watch(fixture);
    seen.room = 1;
    for (let i = 0; i < 5; i++) fixture.put("a", String(i));
    expect(seen.events).toEqual(["+a@2"]);
    catchUp(fixture);
    expect(seen.events).toEqual(["+a@2"]);
    seen.room = Number.POSITIVE_INFINITY;
    catchUp(fixture);
    fixture.put("a", "last");
    expect(seen.events).toEqual(["+a@2", "+a@3", "+a@4", "+a@5", "+a@6", "+a@7"]);
  });

  it("says so when what is wanted is compacted, and only then", () => {
    const fixture = new StateFixture();
    for (let i = 0; i < 5; i++) fixture.put("a", String(i));
    fixture.compact(4);
    fixture.cleanUp();
    const [below, at] = [
      watch(fixture, { startRevision: 3 }),
      watch(fixture, { startRevision: 4 }),
    ];
    catchUp(fixture);
    expect(below.compacted).toBe(4);
    expect(below.events).toEqual([]);
    expect(at.events).toEqual(["+a@4", "+a@5", "+a@6"]);
  });

  it("prevKv is the pair before, or nothing for a creation and behind a compaction", () => {
    const fixture = new StateFixture();
    const { previous } = watch(fixture, { prevKv: true });
    fixture.put("a", "1");
    fixture.put("a", "2");
    fixture.delete("a");
    expect(previous).toEqual([undefined, "1", "2"]);
  });

  it("tells a batch at its end, in one block for all who watch the same", () => {
    const fixture = new StateFixture();
    const blocks: EventBlock[] = [];
    class Noting extends Seen {
      override offer(watcher: Watcher, block: EventBlock): boolean {
        blocks.push(block);
        return super.offer(watcher, block);
      }
    }
    const sink = new Noting();
    for (let i = 0; i < 3; i++) watch(fixture, { sink });
    fixture.isBatching = true;
    for (const key of ["a", "b", "a"]) fixture.put(key, "1");
    expect(blocks).toEqual([]);
    fixture.watchable.flush();
    expect(blocks).toHaveLength(3);
    expect(new Set(blocks).size).toBe(1);
    expect(sink.flushes).toBe(1);
    expect(sink.events.slice(0, 3)).toEqual(["+a@2", "+b@3", "+a@4"]);
  });

  it("goes on later where offering takes longer than a turn", () => {
    const clock = new VirtualClock();
    const monotonicMs = (): number => {
      clock.advance(10);
      return clock.monotonicMs();
    };
    const fixture = new StateFixture({ clock: { monotonicMs } });
    const seens = Array.from({ length: 200 }, () => watch(fixture));
    const delivered = (): number => seens.filter(({ events }) => events.length === 2).length;
    for (const key of ["a", "b"]) fixture.put(key, "1");
    let calls: string[] = [];
    fixture.watchable.whenCurrent(() => calls.push("current"));
    expect(delivered()).toBeLessThan(200);
    expect(calls).toEqual([]);
    catchUp(fixture);
    expect(delivered()).toBe(200);
    expect(calls).toEqual(["current"]);
    calls = [];
    fixture.watchable.whenCurrent(() => calls.push("at once"));
    expect(calls).toEqual(["at once"]);
  });

  it("sinks may end watchers, their own and others, while events are being offered", () => {
    const clock = new VirtualClock();
    let turns = 0;
    const monotonicMs = (): number => {
      clock.advance(++turns % 8); // Some turns end early.
      return clock.monotonicMs();
    };
    const fixture = new StateFixture({ clock: { monotonicMs } });
    const all: { readonly watcher: Watcher; readonly sink: Seen }[] = [];
    class Ending extends Seen {
      override flush(): void {
        super.flush();
        const gone = all[(all.length * 7 + this.events.length * 31 + ended * 13) % all.length];
        if (ended++ % 3 === 0 && gone) fixture.watchable.cancel(gone.watcher);
      }
    }
    let ended = 0;
    for (let i = 0; i < 5_000; i++) {
      const sink = new Ending();
      const range = i % 2 === 0 ? { start: "a", end: "a\0" } : { start: "a", end: `b${i % 7}` };
      const watcher = new Watcher({ ...EVERYTHING, range, sink });
      all.push({ watcher, sink });
      fixture.watchable.create(watcher);
    }
    for (let i = 0; i < 3; i++) fixture.put("a", "1");
    while (fixture.watchable.hasBehind) fixture.watchable.catchUp();
    const whole = ["+a@2", "+a@3", "+a@4"];
    expect(all.filter(({ watcher }) => watcher.isCancelled).length).toBeGreaterThan(100);
    const wrong = all.filter(({ watcher, sink }) => {
      const wanted = watcher.isCancelled ? whole.slice(0, sink.events.length) : whole;
      return sink.events.join() !== wanted.join();
    });
    expect(wrong).toEqual([]);
  });

  it("any mix of watchers, writes, batches, slow sinks and images: each sees what a scan of all changes gives it", () => {
    const key = fc.constantFrom("a", "aa", "ab", "b", "c");
    const range = fc.oneof(
      key.map((start) => ({ start, end: `${start}\0` })),
      fc.record({ start: key, end: fc.option(key, { nil: undefined }) }),
    );
    const watcher = fc.record({
      kind: fc.constant("watch" as const),
      range: range.filter(({ start, end }) => end === undefined || start < end),
      back: fc.integer({ min: -3, max: 30 }),
      noPut: fc.boolean(),
      noDelete: fc.boolean(),
      prevKv: fc.boolean(),
    });
    const put = fc.record({ kind: fc.constant("put" as const), key });
    const remove = fc.record({ kind: fc.constant("delete" as const), key, end: key });
    const sink = fc.record({
      kind: fc.constant("room" as const),
      which: fc.nat(20),
      room: fc.nat(3),
    });
    const cancel = fc.record({ kind: fc.constant("cancel" as const), which: fc.nat(20) });
    const other = fc.constantFrom("batch", "flush", "step", "image").map((kind) => ({
      kind,
    }));
    const limits = fc.record({
      recentBytes: fc.constantFrom(0, 700, 3_000, 1_000_000),
      sliceBytes: fc.constantFrom(1, 500, 100_000),
      sliceRevisions: fc.constantFrom(1, 3, 1_000),
      turnMs: fc.constantFrom(0, 1, 1_000_000),
      aloneKeys: fc.constantFrom(0, 2, 100),
    });
    const action = fc.oneof(
      { weight: 6, arbitrary: put },
      { weight: 2, arbitrary: remove },
      { weight: 2, arbitrary: watcher },
      { weight: 2, arbitrary: sink },
      { weight: 1, arbitrary: cancel },
      { weight: 3, arbitrary: other },
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 120, size: "max" }), limits, (actions, some) => {
        const clock = new VirtualClock();
        const monotonicMs = (): number => {
          clock.advance(1);
          return clock.monotonicMs();
        };
        const fixture = new StateFixture({ clock: { monotonicMs }, limits: some });
        const { store, watchable } = fixture;
        const all: {
          readonly sink: Seen;
          readonly options: WatcherOptions;
          readonly watcher: Watcher;
        }[] = [];
        for (const one of actions) {
          if (one.kind === "put") fixture.put(one.key, "x");
          else if (one.kind === "delete") fixture.delete(one.key, one.end);
          else if (one.kind === "batch") fixture.isBatching = true;
          else if (one.kind === "step") watchable.catchUp();
          else if (one.kind === "room") {
            const seen = all[one.which % Math.max(1, all.length)]?.sink;
            if (seen) seen.room = one.room;
          } else if (one.kind === "watch") {
            const seen = new Seen();
            const startRevision = Math.max(1, store.revision + 1 - one.back);
            const options = { ...one, startRevision, sink: seen };
            const made = new Watcher(options);
            all.push({ sink: seen, options, watcher: made });
            watchable.create(made);
          } else if (one.kind === "flush") {
            fixture.isBatching = false;
            watchable.flush();
          } else if (one.kind === "image") {
            watchable.resyncAll();
          } else if (one.kind === "cancel") {
            const gone = all[one.which % Math.max(1, all.length)]?.watcher;
            if (gone) watchable.cancel(gone);
          }
        }
        for (const { sink: seen } of all) seen.room = Number.POSITIVE_INFINITY;
        watchable.flush();
        while (watchable.hasBehind) watchable.catchUp();
        const changes = store.changesBetween(EVERYTHING.range, { from: 1, to: store.revision });
        for (const { sink: seen, options, watcher: made } of all) {
          const wanted = changes.filter(
            (change) =>
              change.revision >= options.startRevision &&
              contains(options.range, change.key) &&
              !(change.type === EventType.PUT ? options.noPut : options.noDelete),
          );
          // One that was cancelled has what came before.
          if (made.isCancelled) wanted.splice(seen.events.length);
          expect(seen.events).toEqual(wanted.map(({ event }) => show(event)));
          const before = options.prevKv
            ? wanted.map((change) =>
                store.bytesBefore(change.key, change.revision) ? "x" : undefined,
              )
            : wanted.map(() => undefined);
          expect(seen.previous).toEqual(before);
        }
      }),
      { numRuns: 150 },
    );
  });
});
