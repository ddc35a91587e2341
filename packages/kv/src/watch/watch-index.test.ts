import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventType } from "../gen/kv.js";
import type { Change } from "../mvcc/change.js";
import { contains } from "../mvcc/key-index.js";
import { WatchIndex } from "./watch-index.js";
import { Watcher, type WatchSink } from "./watcher.js";

const NOWHERE: WatchSink = {
  isFull: false,
  offer: () => true,
  flush: () => {},
  onCompacted: () => {},
};

const changeOf = (key: string): Change => ({
  key,
  type: EventType.PUT,
  revision: 2,
  bytes: new Uint8Array(0),
  byteLength: 0,
  event: { type: EventType.PUT, kv: undefined, prevKv: undefined },
});

/** The watchers whom the changes concern, and the keys that they get. */
function found(index: WatchIndex, keys: readonly string[]): Map<Watcher, readonly string[]> {
  for (const key of keys) index.collect(changeOf(key));
  const all = new Map<Watcher, readonly string[]>();
  for (const group of index.takeFound()) {
    const own = group.changes.map(({ key }) => key);
    group.changes = [];
    for (const list of group.lists) for (const watcher of list ?? []) all.set(watcher, own);
  }
  return all;
}

describe("WatchIndex", () => {
  it("finds for each change whom a look at every watcher finds, whoever has come and gone", () => {
    const key = fc.constantFrom("a", "b", "c");
    const range = fc.oneof(
      key.map((start) => ({ start, end: `${start}\0` })),
      fc.record({ start: key, end: fc.constantFrom("b", "d", undefined) }),
    );
    const step = fc.oneof(
      { weight: 2, arbitrary: fc.record({ range, prevKv: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ gone: fc.nat() }) },
    );
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60, size: "max" }),
        fc.array(key, { maxLength: 3 }),
        (steps, keys) => {
          const index = new WatchIndex();
          const watchers: Watcher[] = [];
          for (const one of steps) {
            if ("gone" in one) {
              const [gone] = watchers.splice(one.gone % Math.max(1, watchers.length), 1);
              if (gone) index.remove(gone);
            } else {
              const options = { startRevision: 1, noPut: false, noDelete: false, sink: NOWHERE };
              const watcher = new Watcher({ ...one, ...options });
              watchers.push(watcher);
              index.add(watcher);
            }
          }
          expect(index.size).toBe(watchers.length);
          const all = new Set<Watcher>();
          index.forEach((watcher) => all.add(watcher));
          expect(all).toEqual(new Set(watchers));
          const wanted = new Map<Watcher, readonly string[]>();
          for (const watcher of watchers) {
            const own = keys.filter((asked) => contains(watcher.range, asked));
            if (own.length > 0) wanted.set(watcher, own);
          }
          const seen = found(index, keys);
          expect(seen.size).toBe(wanted.size);
          for (const [watcher, own] of wanted) expect(seen.get(watcher)).toEqual(own);
          for (const watcher of watchers) index.remove(watcher);
          expect(index.size).toBe(0);
          expect(found(index, keys).size).toBe(0);
        },
      ),
      { numRuns: 200 },
    );
  });
});
