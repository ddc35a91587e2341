import { describe, expect, it } from "vitest";
import { simulate } from "../simulation/simulate.js";

describe("SNAPSHOT_FAULTS", () => {
  it.each(["blackhole-until-snapshot", "install-killed", "install-overtaken", "install-compacted"])(
    "%s brings a follower to need an image",
    async (fault) => {
      const { events, violations } = await simulate({
        seed: 1,
        members: 3,
        safetyMs: 10_000,
        flags: { snapshotCount: 100, snapshotCatchUpEntries: 50 },
        schedule: [{ fault, atMs: 1_000, durationMs: 6_000, parameters: { afterMs: 5 } }],
        keepEvents: 1_000_000,
      });

      expect(events.some(({ text }) => text.includes("installing an image"))).toBe(true);
      expect(violations).toEqual([]);
    },
  );
});
