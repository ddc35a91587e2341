import { seededRandom } from "@sagong/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ElectionTimer } from "./election-timer.js";

const TICKS = 10;

function timerOf(nodeId: bigint, seed = 1): ElectionTimer {
  return new ElectionTimer({
    nodeId,
    voters: [30n, 10n, 20n],
    electionTicks: TICKS,
    random: seededRandom(seed),
  });
}

function ticksUntilDue(timer: ElectionTimer): number {
  let ticks = 0;
  for (; !timer.isDue; ticks++) timer.tick();
  return ticks;
}

describe("ElectionTimer", () => {
  it("is due early after a start, one member after the other", () => {
    expect([10n, 20n, 30n].map((id) => ticksUntilDue(timerOf(id)))).toEqual([2, 4, 6]);
  });

  it("restart() waits from n to 2n ticks (§5.2)", () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const timer = timerOf(10n, seed);
        timer.restart();
        const ticks = ticksUntilDue(timer);
        expect(ticks).toBeGreaterThanOrEqual(TICKS);
        expect(ticks).toBeLessThan(2 * TICKS);
      }),
    );
  });

  it("holds its vote for the leader as long as it was heard lately", () => {
    const timer = timerOf(10n);
    timer.restart();
    for (let i = 1; i < TICKS; i++) timer.tick();
    expect(timer.heardLately).toBe(true);
    timer.tick();
    expect(timer.heardLately).toBe(false);
    timer.rewind();
    expect(timer.heardLately).toBe(true);
  });

  it("suspectLeader() lets the vote go and shortens the wait; a second one changes nothing", () => {
    const timer = timerOf(20n);
    timer.restart();
    timer.tick();
    timer.suspectLeader();
    expect(timer.heardLately).toBe(false);
    timer.tick();
    timer.suspectLeader();
    expect(ticksUntilDue(timer)).toBe(3);
  });

  it("rewind() ends a suspicion: the leader lives", () => {
    const timer = timerOf(10n);
    timer.restart();
    timer.suspectLeader();
    timer.rewind();
    expect(timer.heardLately).toBe(true);
    expect(ticksUntilDue(timer)).toBeGreaterThanOrEqual(TICKS);
  });

  it("suspectLeader() never lengthens the wait", () => {
    const timer = timerOf(30n);
    timer.restart();
    while (!timer.isDue) timer.tick();
    timer.suspectLeader();
    expect(timer.isDue).toBe(true);
  });
});
