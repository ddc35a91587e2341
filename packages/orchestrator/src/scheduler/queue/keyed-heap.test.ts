import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KeyedHeap } from "./keyed-heap.js";

const KEYS = Array.from({ length: 30 }, (_, i) => `key-${i}`);
const step = fc.record({
  key: fc.constantFrom(...KEYS),
  value: fc.option(fc.integer({ min: 0, max: 1000 }), { nil: undefined, freq: 3 }),
});

describe("KeyedHeap", () => {
  it("first() is the least of what a map would hold, whatever was set and deleted (KH1, KH2)", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: "max" }), (steps) => {
        const heap = new KeyedHeap<number>((a, b) => a - b);
        const model = new Map<string, number>();
        for (const { key, value } of steps) {
          const wasThere = model.delete(key);
          if (value !== undefined) {
            heap.set(key, value);
            model.set(key, value);
          }
          expect(value !== undefined || heap.delete(key) === wasThere).toBe(true);
          expect(heap.size).toBe(model.size);
          expect(heap.first()?.value).toBe([...model.values()].toSorted((a, b) => a - b)[0]);
        }
        const drained: number[] = [];
        for (let first = heap.first(); first; first = heap.first()) {
          expect(model.get(first.key)).toBe(first.value);
          drained.push(first.value);
          heap.delete(first.key);
        }
        expect(drained).toEqual([...model.values()].toSorted((a, b) => a - b));
      }),
    );
  });
});
