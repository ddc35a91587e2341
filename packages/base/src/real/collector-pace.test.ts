import { describe, expect, it } from "vitest";
import { VirtualClock } from "../clock.js";
import { growthPercent, keepCollectorPace } from "./collector-pace.js";

const MIB = 1024 * 1024;

describe("growthPercent()", () => {
  it("lets a heap grow by 128 MiB, a small one to six times its size", () => {
    expect(growthPercent(10 * MIB)).toBe(500);
    expect(growthPercent(32 * MIB)).toBe(400);
    expect(growthPercent(60 * MIB)).toBe(200);
    expect(growthPercent(100 * MIB)).toBe(100);
  });

  it("leaves a large heap to V8", () => {
    expect(growthPercent(129 * MIB)).toBe(0);
    expect(growthPercent(2_000 * MIB)).toBe(0);
  });
});

describe("keepCollectorPace()", () => {
  it("looks again every second until it is told to stop", () => {
    const clock = new VirtualClock();
    const stop = keepCollectorPace(clock);
    clock.advance(2_500);
    expect(clock.nextAtMs()).toBe(3_000);
    stop();
    expect(clock.nextAtMs()).toBeUndefined();
  });
});
