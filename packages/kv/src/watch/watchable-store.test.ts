import { decodeUtf8 } from "@sagong/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventType } from "../gen/kv.js";
import type { Event } from "../gen/kv.js";
import { WatchResponse } from "../gen/rpc.js";
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

function watch(fixture: StateFixture, more: Partial<WatcherOptions> = {}): Seen {
  const sink = new Seen();
  fixture.watchable.create(
    new Watcher({
      range: { start: "", end: undefined },
      startRevision: 0,
      prevKv: false,
      noPut: false,
      noDelete: false,
      sink,
      ...more,
    }),
  );
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

  it("any mix of writes, slow sinks and late watchers ends with the same events for all", () => {
    const action = fc.constantFrom(
      "put a",
      "put b",
      "delete a",
      "delete all",
      "stop",
      "go",
      "step",
      "watch",
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
        const fixture = new StateFixture();
        const seens = [watch(fixture, { startRevision: 1 })];
        for (const one of actions) {
          const last = seens.at(-1) as Seen; // There is always one.
          if (one.startsWith("put")) fixture.put(one.slice(4), "x");
          else if (one === "delete a") fixture.delete("a");
          else if (one === "delete all") fixture.delete("\0", "\0");
          else if (one === "stop") last.room = 0;
          else if (one === "go") last.room = 2;
          else if (one === "step") fixture.watchable.catchUp();
          else seens.push(watch(fixture, { startRevision: 1 }));
        }
        for (const seen of seens) seen.room = Number.POSITIVE_INFINITY;
        catchUp(fixture);
        const all = fixture.store
          .changesBetween({ start: "", end: undefined }, { from: 1, to: fixture.store.revision })
          .map(({ event }) => show(event));
        for (const seen of seens) expect(seen.events).toEqual(all);
      }),
      { numRuns: 100 },
    );
  });
});
