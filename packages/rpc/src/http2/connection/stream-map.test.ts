import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StreamMap } from "./stream-map.js";

describe("StreamMap", () => {
  it("holds what a Map holds, whatever comes and goes", () => {
    // Some that stay, and runs of numbers that meet their slots.
    const id = fc.oneof(
      fc.nat(200).map((n) => 2 * n + 1),
      fc.nat(60).map((n) => 2 * 32 * n + 1),
      fc.integer({ min: 2 ** 31 - 100, max: 2 ** 31 - 1 }),
      fc.integer({ min: 1, max: 9 }),
    );
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.tuple(fc.constant("set"), id) },
      { weight: 3, arbitrary: fc.tuple(fc.constant("delete"), id) },
      { weight: 1, arbitrary: fc.tuple(fc.constant("get"), id) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400, size: "max" }), (steps) => {
        const map = new StreamMap<number>();
        const model = new Map<number, number>();
        for (const [i, [what, streamId]] of steps.entries()) {
          const both = [map, model].map((one) => {
            if (what === "set") return void one.set(streamId, i);
            return what === "delete" ? one.delete(streamId) : one.get(streamId);
          });
          expect(both[0]).toBe(both[1]);
          expect(map.get(streamId)).toBe(model.get(streamId));
          expect(map.has(streamId)).toBe(model.has(streamId));
          expect(map.size).toBe(model.size);
        }
        const sorted = [...model].sort(([a], [b]) => a - b);
        expect(map.values()).toEqual(sorted.map(([, value]) => value));
        map.clear();
        expect([map.size, map.values()]).toEqual([0, []]);
      }),
    );
  });

  it("takes more streams than it has slots", () => {
    const map = new StreamMap<string>();
    for (let i = 0; i < 10_000; i++) map.set(2 * i + 1, `${i}`);
    expect([map.size, map.get(1), map.get(19_999)]).toEqual([10_000, "0", "9999"]);
    for (let i = 0; i < 10_000; i++) expect(map.delete(2 * i + 1)).toBe(true);
    expect(map.values()).toEqual([]);
  });
});
