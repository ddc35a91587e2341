import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Amounts, amountsOf, largest, minus, plus } from "./amounts.js";

const amounts = fc.dictionary(
  fc.constantFrom("cpu", "memory", "pods", "example.com/gpu"),
  fc.integer({ min: 1, max: 2 ** 40 }),
  { noNullPrototype: true },
);

describe("amounts", () => {
  it.each([
    ["cpu in thousandths", { cpu: "1500m" }, { cpu: 1500 }],
    ["whole cpus", { cpu: "2" }, { cpu: 2000 }],
    ["a fraction of a thousandth, rounded up", { cpu: "100u" }, { cpu: 1 }],
    ["memory in bytes", { memory: "64Mi" }, { memory: 67_108_864 }],
    ["a fraction of a byte, rounded up", { memory: "1500m" }, { memory: 2 }],
    ["devices one by one", { "example.com/gpu": "3" }, { "example.com/gpu": 3 }],
    ["what is no quantity as nothing", { memory: "lots" }, { memory: 0 }],
    ["nothing as nothing", undefined, {}],
  ])("amountsOf() counts %s", (_, list, expected) => {
    expect(amountsOf(list)).toEqual(expected);
  });

  it("minus() undoes plus()", () => {
    fc.assert(
      fc.property(amounts, amounts, (a, b) => {
        expect(minus(plus(a, b), b)).toEqual(a);
      }),
    );
  });

  it("a sum is the same in whatever order it came about, with amounts of 0", () => {
    expect(minus(plus({ cpu: 0 }, { cpu: 0, memory: 5 }), { cpu: 0 })).toEqual({ memory: 5 });
    expect(plus({ memory: 5 }, { cpu: 0 })).toEqual({ memory: 5 });
  });

  it("minus() forgets names that come to nothing", () => {
    expect(minus({ cpu: 100, memory: 5 }, { cpu: 100 })).toEqual({ memory: 5 });
  });

  it("largest() is at least either, and no more than needed", () => {
    fc.assert(
      fc.property(amounts, amounts, (a: Amounts, b: Amounts) => {
        const both = largest(a, b);
        for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
          expect(both[name]).toBe(Math.max(a[name] ?? 0, b[name] ?? 0));
        }
      }),
    );
  });
});
