import { VirtualClock } from "@sagong/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DeadlineHolder, Deadlines } from "./deadlines.js";

class Holder extends DeadlineHolder {
  readonly #onExpired: () => void;

  constructor(onExpired: () => void) {
    super();
    this.#onExpired = onExpired;
  }

  expired(): void {
    this.#onExpired();
  }
}

describe("Deadlines", () => {
  it("fall due in order, never early and at most a slot late, unless removed", () => {
    const step = fc.record({
      delayMs: fc.nat(500),
      waitMs: fc.nat(40),
      removes: fc.option(fc.nat(20), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const clock = new VirtualClock();
        const deadlines = new Deadlines(clock);
        const open = new Map<Holder, number>();
        for (const { delayMs, waitMs, removes } of steps) {
          const holder = new Holder(() => {
            const lateMs = clock.monotonicMs() - (open.get(holder) ?? Number.NaN);
            expect(lateMs).toBeGreaterThanOrEqual(0);
            expect(lateMs).toBeLessThanOrEqual(5);
            open.delete(holder);
          });
          open.set(holder, clock.monotonicMs() + delayMs);
          deadlines.add(holder, delayMs);
          const removed = removes === undefined ? undefined : [...open.keys()][removes];
          if (removed) {
            deadlines.remove(removed);
            deadlines.remove(removed);
            open.delete(removed);
          }
          clock.advance(waitMs);
          for (const dueMs of open.values()) expect(dueMs + 5).toBeGreaterThan(clock.monotonicMs());
        }
        clock.advance(1_000);
        expect(open.size).toBe(0);
        expect(clock.nextAtMs()).toBeUndefined();
      }),
    );
  });

  it("an expired one may set another; stop() ends them all", () => {
    const clock = new VirtualClock();
    const deadlines = new Deadlines(clock);
    let expired = 0;
    const again = new Holder(() => {
      if (++expired < 5) deadlines.add(again, 10);
    });
    deadlines.add(again, 0);
    clock.advance(25);
    expect(expired).toBe(3);
    deadlines.stop();
    clock.advance(1_000);
    expect(expired).toBe(3);
  });
});
