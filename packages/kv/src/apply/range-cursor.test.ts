import { decodeUtf8, equalBytes, VirtualClock } from "@sagong/base";
import type { EncodedMessage } from "@sagong/rpc/message";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type RangeRequest, RangeResponse, SortOrder, SortTarget } from "../gen/rpc.js";
import type { MvccStore } from "../mvcc/mvcc-store.js";
import { rangeRequest, StateFixture, text } from "../testing/state-fixture.js";
import { ChunkPool } from "./chunk-pool.js";
import { openRange } from "./range-cursor.js";
import { range } from "./range.js";

const HEADER = { clusterId: 1n, memberId: 2n, revision: 3, raftTerm: 4 };
const ALL = { rangeEnd: text("\0") };

/** The whole answer; undefined where there is no cursor for the request. */
function answerOf(
  store: MvccStore,
  request: RangeRequest,
  pool?: ChunkPool,
): EncodedMessage | undefined {
  const cursor = openRange(store, request, pool);
  while (cursor?.step() === false);
  return cursor?.finish(HEADER);
}

function decoded(store: MvccStore, request: RangeRequest): RangeResponse | undefined {
  const message = answerOf(store, request);
  return message && RangeResponse.decode(message.toBytes());
}

/** Stored keys with `value` bytes each, some deleted, over several revisions. */
function filled(keys: number, valueBytes: number): StateFixture {
  const fixture = new StateFixture();
  for (let i = 0; i < keys; i++) {
    fixture.put(`key ${(i * 7) % keys}`, "v".repeat(valueBytes));
    if (i % 50 === 0) fixture.backend.commit();
  }
  return fixture;
}

/** Steps to the end; `between` is called before each but the first. */
function run(fixture: StateFixture, request: RangeRequest, between: () => void): RangeResponse {
  const cursor = openRange(fixture.store, request);
  if (!cursor) throw new Error("not a plain range");
  let steps = 1;
  while (!cursor.step()) {
    steps++;
    between();
  }
  expect(steps).toBeGreaterThan(2);
  return RangeResponse.decode(cursor.finish(HEADER).toBytes());
}

describe("openRange()", () => {
  const key = fc.constantFrom("a", "b", "c", "d", "e", "f");
  const change = fc.oneof(
    fc.record({ key, value: fc.string({ maxLength: 3 }) }),
    fc.record({ key, end: fc.constantFrom("", "\0", "d") }),
  );
  const asked = fc.record({
    key,
    rangeEnd: fc.constantFrom("", "\0", "a", "c", "z"),
    revision: fc.nat(30),
    limit: fc.nat(4),
    keysOnly: fc.boolean(),
    countOnly: fc.boolean(),
  });

  it("answers what range() answers, whatever is asked", () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 25 }), asked, (changes, { rangeEnd, ...more }) => {
        const fixture = new StateFixture();
        for (const one of changes) {
          if ("value" in one) fixture.put(one.key, one.value);
          else fixture.delete(one.key, one.end);
          if (one.key < "c") fixture.backend.commit();
        }
        const revision = Math.min(more.revision, fixture.store.revision);
        const request = rangeRequest(more.key, {
          ...more,
          key: text(more.key),
          revision,
          rangeEnd: text(rangeEnd),
        });
        const expected = { ...range(fixture.store, request), header: HEADER };
        expect(decoded(fixture.store, request)).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  it("leaves alone what must be decoded", () => {
    const { store } = new StateFixture();
    const left: Partial<RangeRequest>[] = [
      { sortOrder: SortOrder.DESCEND },
      { sortTarget: SortTarget.MOD },
      { minModRevision: 2 },
      { maxCreateRevision: 2 },
    ];
    for (const more of left) {
      expect(openRange(store, rangeRequest("a", more))).toBeUndefined();
    }
  });

  it("keeps the lease of a pair whose value is left out", () => {
    const fixture = new StateFixture();
    fixture.grant(9n, 60);
    fixture.put("a", "value", { lease: 9n });
    const [kv] = decoded(fixture.store, rangeRequest("a", { keysOnly: true }))?.kvs ?? [];
    expect(kv).toMatchObject({ lease: 9n, value: new Uint8Array(0), version: 1 });
  });

  it("gives values of any size", () => {
    const fixture = new StateFixture();
    const sizes = [0, 1, 1_000, 16_384, 100_000, 3, 70_000];
    for (const size of sizes)
      fixture.put(`size ${String(size).padStart(6, "0")}`, "x".repeat(size));
    const kvs = decoded(fixture.store, rangeRequest("size", ALL))?.kvs ?? [];
    expect(kvs.map(({ value }) => value.length)).toEqual(sizes.toSorted((a, b) => a - b));
  });

  it("uses memory again once its answer is sent, and not before", () => {
    const pool = new ChunkPool(new VirtualClock());
    const fixture = filled(500, 1_000);
    const answer = (): EncodedMessage => {
      const whole = answerOf(fixture.store, rangeRequest("key", ALL), pool);
      if (!whole) throw new Error("not a plain range");
      return whole;
    };
    const first = answer();
    const bytes = first.toBytes();
    const second = answer();
    expect(equalBytes(first.toBytes(), bytes)).toBe(true);
    expect(pool.freeBytes).toBe(0);
    first.onSent?.();
    const free = pool.freeBytes;
    expect(free).toBeGreaterThan(400_000);
    first.onSent?.();
    expect(pool.freeBytes).toBe(free);
    expect(equalBytes(answer().toBytes(), bytes)).toBe(true);
    expect(pool.freeBytes).toBe(0);
    expect(equalBytes(second.toBytes(), bytes)).toBe(true);
  });

  it("refuses revisions as range() does", () => {
    const fixture = filled(5, 1);
    fixture.compact(4);
    const at = (revision: number): unknown =>
      decoded(fixture.store, rangeRequest("a", { ...ALL, revision }));
    expect(() => at(3)).toThrow("mvcc: required revision has been compacted");
    expect(() => at(9)).toThrow("mvcc: required revision is a future revision");
    expect(at(4)).toMatchObject({ count: 3 });
  });
});

describe("RangeCursor", () => {
  it("shows one revision, whatever is written and deleted between its steps", () => {
    const fixture = filled(2_000, 10);
    const before = range(fixture.store, rangeRequest("key", ALL));
    let i = 0;
    const response = run(fixture, rangeRequest("key", ALL), () => {
      fixture.delete(`key ${i}`, `key ${i}9`);
      fixture.put(`key ${1_999 - i}`, "changed");
      fixture.put(`key ${i}+`, "new");
      i += 100;
    });
    expect(response).toEqual({ ...before, header: HEADER });
  });

  it("holds the clean-up of what it reads until its end", () => {
    const fixture = filled(2_000, 10);
    for (let i = 0; i < 2_000; i++) fixture.put(`key ${i}`, "later");
    const revision = 2_001;
    const request = rangeRequest("key", { ...ALL, revision });
    const before = range(fixture.store, request);
    let isHeld = false;
    const response = run(fixture, request, () => {
      if (fixture.store.compactRevision === 0) fixture.compact(3_500);
      isHeld ||= fixture.store.isCleanUpHeld;
      expect(fixture.store.compactStep(10_000)).toBe(false);
    });
    expect(isHeld).toBe(true);
    expect(response.kvs).toEqual(before.kvs);
    expect(fixture.store.isCleanUpHeld).toBe(false);
    fixture.cleanUp(1_000);
    expect(fixture.store.isCompacting).toBe(false);
  });

  it("goes on after an image has taken the store's place, unless its revision is compacted there", () => {
    const fixture = filled(2_000, 10);
    const before = range(fixture.store, rangeRequest("key", ALL));
    const twin = filled(2_000, 10);
    const response = run(fixture, rangeRequest("key", ALL), () => fixture.store.adopt(twin.store));
    expect(response.kvs).toEqual(before.kvs);
    const ahead = filled(2_000, 10);
    ahead.put("key", "ahead");
    ahead.compact(2_002);
    expect(() =>
      run(fixture, rangeRequest("key", ALL), () => fixture.store.adopt(ahead.store)),
    ).toThrow("mvcc: required revision has been compacted");
    expect(fixture.store.isCleanUpHeld).toBe(false);
  });

  it("close() gives up what is held", () => {
    const fixture = filled(2_000, 10);
    const cursor = openRange(fixture.store, rangeRequest("key", ALL));
    expect(cursor?.step()).toBe(false);
    fixture.put("key", "later");
    fixture.compact(fixture.store.revision);
    expect(fixture.store.isCleanUpHeld).toBe(true);
    cursor?.close();
    expect(fixture.store.isCleanUpHeld).toBe(false);
  });

  it("a page of many keys visits the page, and counts all", () => {
    const fixture = filled(3_000, 10);
    const cursor = openRange(fixture.store, rangeRequest("key", { ...ALL, limit: 10 }));
    expect(cursor?.step()).toBe(true);
    const response = cursor && RangeResponse.decode(cursor.finish(HEADER).toBytes());
    expect(response).toMatchObject({ count: 3_000, more: true });
    expect(response?.kvs.map((kv) => decodeUtf8(kv.key)).slice(0, 3)).toEqual([
      "key 0",
      "key 1",
      "key 10",
    ]);
  });
});
