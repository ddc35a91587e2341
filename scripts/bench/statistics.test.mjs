// @ts-check
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Histogram } from "./load/histogram.mjs";
import { median, quantile, ratioOf } from "./statistics.mjs";

describe("median()", () => {
  it("is the middle, or between the two in the middle, of what is known", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([Number.NaN, 7])).toBe(7);
    expect(median([])).toBeNaN();
  });
});

describe("quantile()", () => {
  it("is the least value that so large a share does not exceed", () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect(quantile(values, 0.5)).toBe(50);
    expect(quantile(values, 0.99)).toBe(99);
    expect(quantile(values, 1)).toBe(100);
    expect(quantile([], 0.5)).toBeNaN();
  });
});

describe("ratioOf()", () => {
  it("is above 1 where ours is better, whichever way a figure counts", () => {
    expect(ratioOf(300, 100, "more")).toBe(3);
    expect(ratioOf(5, 10, "less")).toBe(2);
  });
});

describe("Histogram", () => {
  it("quantile() is within 1 % of the sorted values'", () => {
    const times = fc.array(fc.double({ min: 0.002, max: 100_000, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(times, fc.constantFrom(0.01, 0.5, 0.9, 0.99, 1), (values, share) => {
        const histogram = new Histogram();
        for (const value of values) histogram.record(value);
        const exact = quantile(values, share);
        expect(Math.abs(histogram.quantile(share) - exact)).toBeLessThanOrEqual(exact * 0.0101);
      }),
    );
  });

  it("summary() keeps mean and maximum as they are, and nothing of nothing", () => {
    const histogram = new Histogram();
    expect(histogram.summary().p99Ms).toBeNaN();
    histogram.record(1);
    histogram.record(4, 2);
    expect(histogram.summary()).toMatchObject({ meanMs: 3, maxMs: 4 });
    expect(histogram.count).toBe(3);
  });
});
