import { VirtualClock } from "@sagong/base";
import { describe, expect, it } from "vitest";
import { CommitNotices } from "./commit-notices.js";

function setup() {
  const clock = new VirtualClock();
  const seen = { due: 0 };
  const notices = new CommitNotices(clock, () => seen.due++);
  return { clock, notices, seen };
}

describe("CommitNotices", () => {
  it("holds what is untold for two milliseconds, and is due once for all of it", () => {
    const { clock, notices, seen } = setup();
    notices.turned(true);
    clock.advance(1);
    notices.turned(true);
    expect([notices.areHeld, seen.due]).toEqual([true, 0]);
    clock.advance(1);
    expect([notices.areHeld, seen.due]).toEqual([false, 1]);
    notices.turned(false); // That turn told it.
    clock.advance(10);
    expect([notices.areHeld, seen.due]).toEqual([true, 1]);
  });

  it("holds nothing for a second after a follower has forwarded a write", () => {
    const { clock, notices } = setup();
    notices.forwarded();
    expect(notices.areHeld).toBe(false);
    clock.advance(1_000);
    expect(notices.areHeld).toBe(false);
    clock.advance(1);
    expect(notices.areHeld).toBe(true);
  });

  it("is not due any more once it is stopped", () => {
    const { clock, notices, seen } = setup();
    notices.turned(true);
    notices.stop();
    clock.advance(10);
    expect(seen.due).toBe(0);
  });
});
