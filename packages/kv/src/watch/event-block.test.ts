import { concatBytes, encodeUtf8, equalBytes } from "@sagong/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventType, KeyValue } from "../gen/kv.js";
import { WatchResponse } from "../gen/rpc.js";
import type { Change } from "../mvcc/change.js";
import { EventBlock } from "./event-block.js";

const pair = (key: string, size: number): KeyValue =>
  KeyValue.create({ key: encodeUtf8(key), value: new Uint8Array(size), modRevision: 7 });

const change = (key: string, size: number, type: number = EventType.PUT): Change => {
  const kv = pair(key, size);
  const event = { type, kv, prevKv: undefined };
  const bytes = KeyValue.encode(kv);
  return { key, type, revision: 7, bytes, byteLength: bytes.length, event };
};

describe("EventBlock", () => {
  it("is byte for byte what the generated codec makes of the same events", () => {
    const one = fc.record({
      size: fc.oneof(fc.nat(300), fc.constantFrom(16_300, 16_384, 70_000)),
      isDelete: fc.boolean(),
      before: fc.option(fc.nat(200), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 5 }), (events) => {
        const changes = events.map(({ size, isDelete }, i) =>
          change(`k${i}`, size, isDelete ? EventType.DELETE : EventType.PUT),
        );
        const before = events.map(({ before: size }) =>
          size === undefined ? undefined : KeyValue.encode(pair("b", size)),
        );
        const block = new EventBlock(changes, {
          revision: 9,
          previous: (asked) => before[changes.indexOf(asked)],
        });
        const expected = WatchResponse.create({
          events: changes.map(({ event }, i) => {
            const bytes = before[i];
            return { ...event, prevKv: bytes && KeyValue.decode(bytes) };
          }),
        });
        expect(equalBytes(block.bytes, WatchResponse.encode(expected))).toBe(true);
      }),
    );
  });

  it("fragments() are whole events, as many as fit, and an event too large alone", () => {
    const sizes = [10, 10, 1_000, 10, 10, 10];
    const block = new EventBlock(
      sizes.map((size) => change("k", size)),
      { revision: 7 },
    );
    expect(block.fragments(1_000_000)).toEqual([block.bytes]);
    const parts = block.fragments(60);
    expect(concatBytes(parts)).toEqual(block.bytes);
    const counts = parts.map((part) => WatchResponse.decode(part).events.length);
    expect(counts).toEqual([2, 1, 2, 1]);
    expect(parts.map((part) => part.length <= 60)).toEqual([true, false, true, true]);
  });
});
