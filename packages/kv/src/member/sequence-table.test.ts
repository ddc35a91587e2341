import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SequenceTable } from "./sequence-table.js";

describe("SequenceTable", () => {
  it("is a map by numbers that count up, in whatever order they are taken", () => {
    const step = fc.oneof(
      fc.record({ add: fc.integer({ min: 1, max: 3_000 }) }),
      fc.record({ take: fc.nat(4_000), times: fc.integer({ min: 1, max: 3_000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const table = new SequenceTable<string>(100);
        const model = new Map<number, string>();
        let nextId = 100;
        for (const one of steps) {
          for (let i = 0; "add" in one && i < one.add; i++) {
            model.set(nextId, `item ${nextId}`);
            table.add(`item ${nextId++}`);
          }
          for (let i = 0; "take" in one && i < one.times; i++) {
            const id = table.oldestId - 1 + one.take + (i % 7);
            expect(table.take(id)).toBe(model.get(id));
            model.delete(id);
          }
          expect(table.size).toBe(model.size);
          expect(table.nextId).toBe(nextId);
          expect(table.oldestId).toBe(model.keys().next().value ?? nextId);
        }
      }),
      { numRuns: 20 },
    );
  });
});
