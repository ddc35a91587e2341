import { describe, expect, it } from "vitest";
import { Progress } from "./progress.js";

const LIMITS = { messages: 4, bytes: 1_000 };

function probing(match: number): Progress {
  const progress = new Progress(1, LIMITS);
  progress.becomeReplicate();
  progress.maybeUpdate(match);
  progress.becomeProbe();
  return progress;
}

describe("Progress", () => {
  it("goes back where a follower that is probed lacks an entry", () => {
    const progress = new Progress(11, LIMITS);
    progress.sent(10, 0);
    expect(progress.maybeDecrease(10, 4)).toBe(true);
    expect(progress.next).toBe(5);
    expect(progress.isPaused).toBe(false);
  });

  it("gives a follower again what it had acknowledged and has lost, and counts it no more for it", () => {
    const progress = probing(7);
    progress.sent(9, 0);
    expect(progress.maybeDecrease(7, 2)).toBe(true);
    expect([progress.match, progress.next]).toEqual([2, 3]);
    expect(progress.isPaused).toBe(false);
  });

  it("takes no answer to an older probe for a loss", () => {
    const progress = probing(7);
    progress.sent(9, 0);
    expect(progress.maybeDecrease(5, 2)).toBe(false);
    expect([progress.match, progress.next]).toEqual([7, 8]);
  });
});
