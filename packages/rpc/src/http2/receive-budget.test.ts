import { describe, expect, it } from "vitest";
import { StatusCode } from "../status.js";
import { ReceiveBudget } from "./receive-budget.js";

describe("ReceiveBudget.take()", () => {
  it("refuses beyond its limit, and takes again what was given back", () => {
    const budget = new ReceiveBudget(10);
    budget.take(8);
    expect(() => budget.take(3)).toThrow(
      expect.objectContaining({ code: StatusCode.resourceExhausted }),
    );
    expect(budget.heldBytes).toBe(8);
    budget.take(-8);
    budget.take(10);
  });

  it("takes of the parent as well, and of neither where either refuses", () => {
    const all = new ReceiveBudget(10);
    const [one, other] = [new ReceiveBudget(8, all), new ReceiveBudget(8, all)];
    one.take(7);
    expect(() => other.take(4)).toThrow(/3|7/);
    expect([all.heldBytes, other.heldBytes]).toEqual([7, 0]);
    expect(() => one.take(2)).toThrow(/expected at most 8/);
    expect([all.heldBytes, one.heldBytes]).toEqual([7, 7]);
    one.take(-7);
    expect(all.heldBytes).toBe(0);
  });
});
