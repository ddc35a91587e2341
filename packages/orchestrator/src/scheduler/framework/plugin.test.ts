import { describe, expect, it } from "vitest";
import { normalizeByMax } from "./plugin.js";

// The table of kube-scheduler's TestDefaultNormalizeScore.
describe("normalizeByMax()", () => {
  it.each([
    [false, [1, 2, 3, 4], [25, 50, 75, 100]],
    [true, [1, 2, 3, 4], [75, 50, 25, 0]],
    [false, [1000, 10, 20, 30], [100, 1, 2, 3]],
    [true, [1000, 10, 20, 30], [0, 99, 98, 97]],
    [false, [1, 1, 1, 1], [100, 100, 100, 100]],
    [true, [0, 0, 0, 0], [100, 100, 100, 100]],
    [false, [0, 0, 0, 0], [0, 0, 0, 0]],
    [false, [], []],
  ])("normalizeByMax() with reverse %s makes %j to %j", (reverse, scores, expected) => {
    expect(normalizeByMax(scores, { reverse })).toEqual(expected);
  });
});
