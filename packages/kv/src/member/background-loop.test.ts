import { VirtualClock } from "@sagong/base";
import { describe, expect, it } from "vitest";
import { BackgroundLoop, type StepOutcome } from "./background-loop.js";

function setup(outcomes: readonly (StepOutcome | Error)[]) {
  const clock = new VirtualClock();
  const deferred: (() => void)[] = [];
  const errors: unknown[] = [];
  let steps = 0;
  const loop = new BackgroundLoop({
    clock,
    defer: (callback) => void deferred.push(callback),
    pauseMs: 100,
    step: () => {
      const outcome = outcomes[steps++] ?? "idle";
      if (outcome instanceof Error) throw outcome;
      return outcome;
    },
    onError: (error) => errors.push(error),
  });
  const turn = (): void => deferred.shift()?.();
  return { clock, loop, turn, errors, steps: () => steps };
}

describe("BackgroundLoop", () => {
  it("takes one step a turn while there is more, and sleeps when idle", async () => {
    const { loop, turn, steps } = setup(["more", "more", "idle"]);
    loop.wake();
    loop.wake();
    for (let i = 0; i < 5; i++) turn();
    expect(steps()).toBe(3);
    await loop.idle();
  });

  it("pauses when asked to, and a wake ends the pause", () => {
    const { loop, turn, clock, steps } = setup(["later", "later", "idle"]);
    loop.wake();
    turn();
    clock.advance(99);
    turn();
    expect(steps()).toBe(1);
    clock.advance(1);
    turn();
    expect(steps()).toBe(2);
    loop.wake();
    turn();
    expect(steps()).toBe(3);
  });

  it("idle() resolves when the work is done, not before", async () => {
    const { loop, turn } = setup(["more", "idle"]);
    loop.wake();
    let done = false;
    const idle = loop.idle().then(() => (done = true));
    turn();
    await Promise.resolve();
    expect(done).toBe(false);
    turn();
    await idle;
  });

  it("stops and reports when a step throws", async () => {
    const { loop, turn, errors, steps } = setup([new Error("broken")]);
    loop.wake();
    turn();
    loop.wake();
    turn();
    expect(steps()).toBe(1);
    expect(errors).toEqual([new Error("broken")]);
    await loop.idle();
  });
});
