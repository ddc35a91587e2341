import { describe, expect, it } from "vitest";
import { parseDurationMs } from "./go-duration.js";

describe("parseDurationMs()", () => {
  it.each([
    ["5s", 5_000],
    ["1h2m3.5s", 3_723_500],
    ["300ms", 300],
    ["1.5µs", 0.0015],
    [".5s", 500],
    ["-1m", -60_000],
    ["0", 0],
    ["x", undefined],
    ["5", undefined],
    ["1s2", undefined],
    ["", undefined],
    ["s", undefined],
  ])("of %j is %s", (text, durationMs) => {
    expect(parseDurationMs(text)).toBe(durationMs);
  });
});
