import { VirtualClock } from "@sagong/base";
import { expect, it } from "vitest";
import { HeldEntries } from "./held-entries.js";

it("is due once, so long after the first turn that holds entries, until it is stopped", () => {
  const clock = new VirtualClock();
  let due = 0;
  const held = new HeldEntries(clock, 25, () => due++);
  held.turned(false);
  clock.advance(100);
  held.turned(true);
  clock.advance(20);
  held.turned(true);
  expect(due).toBe(0);
  clock.advance(5);
  expect(due).toBe(1);
  clock.advance(100);
  expect(due).toBe(1);
  held.turned(true);
  held.stop();
  clock.advance(100);
  expect(due).toBe(1);
});
