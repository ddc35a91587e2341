import { describe, expect, it } from "vitest";
import { countFaultsMet } from "./faults-met.js";

const fault = (atMs: number, durationMs: number) => ({
  fault: "any",
  atMs,
  durationMs,
  parameters: {},
});

describe("countFaultsMet()", () => {
  const operations = [
    { calledMs: 1_000, returnedMs: 1_010 },
    { calledMs: 50_000, returnedMs: undefined },
  ];

  it("counts faults during which an operation was under way", () => {
    expect(countFaultsMet([fault(900, 200), fault(1_005, 5_000)], operations)).toBe(2);
    expect(countFaultsMet([fault(2_000, 10_000), fault(0, 500)], operations)).toBe(1);
  });

  it("counts what a fault without a duration leaves behind for a second, and calls without an end", () => {
    expect(countFaultsMet([fault(100, 0), fault(1_011, 0), fault(80_000, 0)], operations)).toBe(2);
  });
});
