import { silentLogger, VirtualClock } from "@sagong/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { elapse, settle } from "../testing/virtual-time.js";
import { WorkQueue } from "./work-queue.js";

function open(work: (key: string) => Promise<void>, workers?: number) {
  const clock = new VirtualClock();
  return { clock, queue: new WorkQueue(work, { clock, logger: silentLogger }, workers) };
}

/** Work that lasts until it is told to end. */
function gated() {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const work = (key: string): Promise<void> => {
    begun.push(key);
    return new Promise((resolve) => void ends.set(key, resolve));
  };
  return { begun, work, end: (key: string) => ends.get(key)?.() };
}

describe("WorkQueue", () => {
  it("add() works on a key once, however often it is added before its turn", async () => {
    const worked: string[] = [];
    const { queue } = open(async (key) => void worked.push(key));
    for (const key of ["a", "b", "a", "a"]) queue.add(key);
    expect(worked).toEqual([]); // Work never begins inside add().
    await settle();
    expect(worked).toEqual(["a", "b"]);
  });

  it("add() gives a key that is being worked on one more turn", async () => {
    const { begun, work, end } = gated();
    const { queue } = open(work);
    queue.add("a");
    await settle();
    queue.add("a");
    queue.add("a");
    await settle();
    expect(begun).toEqual(["a"]);
    end("a");
    await settle();
    expect(begun).toEqual(["a", "a"]);
  });

  it("keeps the order of arrival, and no more at work than there are workers", async () => {
    const { begun, work, end } = gated();
    const { queue } = open(work, 2);
    for (const key of ["a", "b", "c", "d"]) queue.add(key);
    await settle();
    expect(begun).toEqual(["a", "b"]);
    end("b");
    await settle();
    expect(begun).toEqual(["a", "b", "c"]);
  });

  it("retries failed work after 5 ms, doubled each time, and anew after a success", async () => {
    const times: number[] = [];
    let failing = 4;
    const { clock, queue } = open(async () => {
      times.push(clock.monotonicMs());
      if (failing-- > 0) throw new Error("not yet");
    });
    queue.add("a");
    await elapse(clock, 1_000);
    expect(times).toEqual([0, 5, 15, 35, 75]);
    failing = 1;
    queue.add("a");
    await elapse(clock, 1_000);
    expect(times.slice(5)).toEqual([1_000, 1_005]);
  });

  it("waits 1,000 s at most between retries", async () => {
    const times: number[] = [];
    const { clock, queue } = open(async () => {
      times.push(clock.monotonicMs());
      throw new Error("never");
    });
    queue.add("a");
    await elapse(clock, 6_000_000);
    const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    expect(Math.max(...gaps)).toBe(1_000_000);
    await queue.close();
  });

  it("addAfter() lets the earliest of several delays count", async () => {
    const times: number[] = [];
    const { clock, queue } = open(async () => void times.push(clock.monotonicMs()));
    queue.addAfter("a", 500);
    queue.addAfter("a", 100);
    queue.addAfter("a", 300);
    await elapse(clock, 1_000);
    expect(times).toEqual([100]);
  });

  it("close() waits for what is under way, and begins nothing more", async () => {
    const { begun, work, end } = gated();
    const { clock, queue } = open(work, 1);
    for (const key of ["a", "b"]) queue.add(key);
    queue.addAfter("c", 10);
    await settle();
    queue.add("a");
    let closed = false;
    const closing = queue.close().then(() => {
      closed = true;
    });
    await elapse(clock, 100);
    expect(closed).toBe(false);
    end("a");
    await closing;
    await elapse(clock, 100);
    expect(begun).toEqual(["a"]);
    expect(clock.nextAtMs()).toBeUndefined();
  });

  it("Q1 Q2: never works twice on one key at a time, and always once more after the last add()", async () => {
    const step = fc.record({
      key: fc.constantFrom("a", "b", "c"),
      delayMs: fc.option(fc.integer({ min: 0, max: 20 })),
      waitMs: fc.integer({ min: 0, max: 10 }),
    });
    const property = fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      const clock = new VirtualClock();
      const active = new Set<string>();
      const dueMs = new Map<string, number>();
      const begunMs = new Map<string, number>();
      const queue = new WorkQueue(
        async (key) => {
          expect(active.has(key)).toBe(false);
          active.add(key);
          begunMs.set(key, clock.monotonicMs());
          await new Promise<void>((resolve) => void clock.schedule(7, resolve));
          active.delete(key);
        },
        { clock, logger: silentLogger },
        2,
      );
      for (const { key, delayMs, waitMs } of steps) {
        dueMs.set(key, clock.monotonicMs());
        if (delayMs === null) queue.add(key);
        else queue.addAfter(key, delayMs);
        await elapse(clock, waitMs);
      }
      await elapse(clock, 1_000);
      for (const [key, atMs] of dueMs) expect(begunMs.get(key)).toBeGreaterThanOrEqual(atMs);
    });
    await fc.assert(property, { numRuns: 20 });
  });
});
