import { describe, expect, it } from "vitest";
import { simulate } from "../src/simulation/simulate.js";

describe("simulate()", () => {
  it("is the same run whether its events are kept or not, and however many", async () => {
    const options = { seed: 3, safetyMs: 5_000 };
    const { digest, events } = await simulate(options);
    expect(events).toEqual([]);
    const kept = await simulate({ ...options, keepEvents: 100_000 });
    expect(kept.digest).toBe(digest);
    expect(kept.events.length).toBeGreaterThan(100);
    const few = await simulate({ ...options, keepEvents: 10 });
    expect(few.digest).toBe(digest);
    expect(few.events).toEqual(kept.events.slice(-10));
  });
});
