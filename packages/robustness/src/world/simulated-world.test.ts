import { randomBelow } from "@sagong/base";
import { describe, expect, it } from "vitest";
import { SimulatedWorld } from "./simulated-world.js";

describe("SimulatedWorld", () => {
  it("runs events in order of time, then of scheduling", async () => {
    const world = new SimulatedWorld(1);
    const seen: string[] = [];
    const note = (name: string) => () => seen.push(`${name}@${world.nowMs}`);
    world.after(5, note("b"));
    world.after(1, () => {
      note("a")();
      world.defer(note("deferred"));
      world.after(0, note("after"));
    });
    world.after(5, note("c"));
    world.after(1, note("second"));
    await world.runUntil(10);
    expect(seen).toEqual(["a@1", "second@1", "deferred@1", "after@1", "b@5", "c@5"]);
    expect(world.nowMs).toBe(10);
  });

  it("settles ticks and promises of any depth between two events", async () => {
    const world = new SimulatedWorld(1);
    const seen: string[] = [];
    for (const name of ["a", "b"]) {
      world.after(1, () => {
        void (async () => {
          for (let i = 0; i < 100; i++) {
            await Promise.resolve();
            await new Promise<void>((resolve) => process.nextTick(resolve));
          }
          seen.push(`${name} settled`);
        })();
        seen.push(name);
      });
    }
    await world.runUntil(1);
    expect(seen).toEqual(["a", "a settled", "b", "b settled"]);
  });

  it("calls the listener of settled after what the event caused", async () => {
    const world = new SimulatedWorld(1);
    let value = 0;
    const seen: number[] = [];
    world.onSettled(() => seen.push(value));
    for (const next of [1, 2]) {
      world.after(next, () => {
        value = -1;
        void Promise.resolve().then(() => {
          value = next;
        });
      });
    }
    await world.runUntil(5);
    expect(seen).toEqual([1, 2]);
  });

  it("forgets what is cancelled, among thousands too", async () => {
    const world = new SimulatedWorld(1);
    const random = world.chance("test");
    const due: number[] = [];
    const expected: number[] = [];
    for (let i = 0; i < 5_000; i++) {
      const atMs = randomBelow(random, 1_000);
      const timer = world.after(atMs, () => due.push(world.nowMs));
      if (i % 5 === 0) expected.push(atMs);
      else timer.cancel();
    }
    await world.runUntil(1_000);
    expect(due).toEqual(expected.toSorted((a, b) => a - b));
  });

  it("rejects with what an event throws", async () => {
    const world = new SimulatedWorld(1);
    world.after(1, () => {
      throw new Error("broken");
    });
    await expect(world.runUntil(5)).rejects.toThrow("broken");
    expect(world.nowMs).toBe(1);
  });

  it("stops where the condition has come true", async () => {
    const world = new SimulatedWorld(1);
    let count = 0;
    const again = (): void => {
      count++;
      world.after(10, again);
    };
    world.defer(again);
    expect(await world.runUntilTrue(() => count === 4, 1_000)).toBe(true);
    expect(world.nowMs).toBe(30);
    expect(await world.runUntilTrue(() => count === 400, 1_000)).toBe(false);
    expect(world.nowMs).toBe(1_000);
  });

  it("gives streams of chance that do not disturb each other", () => {
    const draw = (world: SimulatedWorld, name: string): number[] =>
      Array.from({ length: 5 }, () => world.chance(name).nextUint32());
    const one = new SimulatedWorld(7);
    const other = new SimulatedWorld(7);
    draw(other, "noise");
    expect(draw(other, "network")).toEqual(draw(one, "network"));
    expect(draw(new SimulatedWorld(8), "network")).not.toEqual(
      draw(new SimulatedWorld(7), "network"),
    );
  });

  it("has the same digest for the same run, kept or not, and another for another", async () => {
    const run = async (seed: number, keepEvents = 0, extra = 0): Promise<string> => {
      const world = new SimulatedWorld(seed, { keepEvents });
      const random = world.chance("times");
      for (let i = 0; i < 100 + extra; i++) {
        world.after(randomBelow(random, 50), () =>
          world.trace.add({ kind: "client", who: "c", text: () => "called" }),
        );
      }
      await world.runUntil(100);
      return world.digestValue();
    };
    const first = await run(1);
    expect(await run(1)).toBe(first);
    expect(await run(1, 10)).toBe(first);
    expect(await run(2)).not.toBe(first);
    expect(await run(1, 0, 1)).not.toBe(first);
  });
});
