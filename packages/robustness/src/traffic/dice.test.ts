import { seededRandom } from "@sagong/base";
import { describe, expect, it } from "vitest";
import { arrivalMs, between, shuffled, weighted } from "./dice.js";

const DRAWS = 20_000;

describe("weighted()", () => {
  it("draws names as often as their weights say, and one of weight 0 never", () => {
    const random = seededRandom(1);
    const counts = { a: 0, b: 0, never: 0 };
    for (let i = 0; i < DRAWS; i++) counts[weighted(random, { a: 3, b: 1, never: 0 })]++;
    expect(counts.never).toBe(0);
    expect(counts.a / DRAWS).toBeCloseTo(0.75, 1);
  });
});

describe("between()", () => {
  it("draws both ends and nothing beyond", () => {
    const random = seededRandom(2);
    const drawn = new Set(Array.from({ length: 1_000 }, () => between(random, [-1, 2])));
    expect([...drawn].toSorted((a, b) => a - b)).toEqual([-1, 0, 1, 2]);
  });
});

describe("arrivalMs()", () => {
  it("has its mean, and an end", () => {
    const random = seededRandom(3);
    const waits = Array.from({ length: DRAWS }, () => arrivalMs(random, 100));
    expect(Math.max(...waits)).toBeLessThanOrEqual(800);
    const mean = waits.reduce((sum, ms) => sum + ms, 0) / DRAWS;
    expect(mean).toBeGreaterThan(95);
    expect(mean).toBeLessThan(105);
  });
});

describe("shuffled()", () => {
  it("has each once, in every order", () => {
    const random = seededRandom(4);
    const orders = new Set(
      Array.from({ length: 500 }, () => shuffled(random, ["a", "b", "c"]).join(" ")),
    );
    expect(orders.size).toBe(6);
    for (const order of orders) expect(order.split(" ").toSorted()).toEqual(["a", "b", "c"]);
  });
});
