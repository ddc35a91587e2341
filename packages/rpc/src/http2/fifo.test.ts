import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Fifo } from "./fifo.js";

describe("Fifo", () => {
  it("is what an array is by push() and shift()", () => {
    const steps = fc.array(fc.tuple(fc.nat(600), fc.nat(600)), { maxLength: 20 });
    fc.assert(
      fc.property(steps, (list) => {
        const fifo = new Fifo<number>();
        const array: number[] = [];
        let next = 0;
        for (const [pushes, shifts] of list) {
          for (let i = 0; i < pushes; i++) {
            fifo.push(next);
            array.push(next++);
          }
          for (let i = 0; i < shifts; i++) expect(fifo.shift()).toBe(array.shift());
          expect(fifo.length).toBe(array.length);
        }
        fifo.clear();
        expect([fifo.length, fifo.shift()]).toEqual([0, undefined]);
      }),
      { numRuns: 20 },
    );
  });
});
