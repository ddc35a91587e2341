import { describe, expect, it } from "vitest";
import { delay, VirtualClock } from "./clock.js";

describe("VirtualClock", () => {
  it("advance() runs callbacks in order of time, then of scheduling", () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    clock.schedule(20, () => seen.push(`b@${clock.monotonicMs()}`));
    clock.schedule(10, () => {
      seen.push(`a@${clock.monotonicMs()}`);
      clock.schedule(5, () => seen.push(`nested@${clock.monotonicMs()}`));
    });
    clock.schedule(20, () => seen.push("c"));
    clock.schedule(1, () => seen.push("never")).cancel();
    clock.advance(20);
    expect(seen).toEqual(["a@10", "nested@15", "b@20", "c"]);
  });

  it("delay() rejects with the reason of an aborted signal and leaves no timer", async () => {
    const clock = new VirtualClock();
    const controller = new AbortController();
    const waiting = delay(clock, 1000, controller.signal);
    controller.abort(new Error("stopped"));
    await expect(waiting).rejects.toThrow("stopped");
    expect(clock.nextAtMs()).toBeUndefined();
  });
});
