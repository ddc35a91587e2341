import { seededRandom } from "@sagong/base";
import { describe, expect, it } from "vitest";
import type { ScheduledFault } from "../simulation/simulation.js";
import { chooseFaults, FAULTS } from "./catalogue.js";
import { unfairness } from "./fairness.js";
import { planSchedule } from "./plan-schedule.js";
import { formatSchedule, readSchedule } from "./read-schedule.js";

function plan(seed: number, members = 3, faults?: readonly string[]): ScheduledFault[] {
  return planSchedule(seededRandom(seed), { members, untilMs: 60_000, faults });
}

describe("planSchedule()", () => {
  it("is the same for the same seed, and another for another", () => {
    expect(plan(1)).toEqual(plan(1));
    expect(plan(1)).not.toEqual(plan(2));
  });

  it("ends within the safety phase, in order of time", () => {
    for (let seed = 0; seed < 60; seed++) {
      const schedule = plan(seed);
      const times = schedule.map(({ atMs }) => atMs);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      for (const { atMs, durationMs } of schedule) {
        expect(atMs).toBeGreaterThanOrEqual(3_000);
        expect(atMs + durationMs).toBeLessThanOrEqual(60_000);
      }
    }
  });

  it("strikes mostly where clients are busy, or shortly before, and now and then elsewhere", () => {
    const busy = [
      { fromMs: 0, toMs: 10_000 },
      { fromMs: 100_000, toMs: 110_000 },
    ];
    const times = Array.from({ length: 100 }, (_, seed) =>
      planSchedule(seededRandom(seed), { members: 3, untilMs: 240_000, busy }),
    ).flatMap((schedule) => schedule.map(({ atMs }) => atMs));
    const near = times.filter((ms) => ms < 10_000 || (ms >= 98_000 && ms < 110_000)).length;
    expect(near).toBeGreaterThan(0.8 * times.length);
    expect(near).toBeLessThan(times.length);
  });

  it("damages members of one minority at most (F3), and is fair for every size of cluster", () => {
    for (const members of [1, 3, 5]) {
      for (let seed = 0; seed < 60; seed++) {
        expect(unfairness(plan(seed, members), { members })).toBeUndefined();
      }
    }
  });

  it("uses every fault that is covered, over many seeds and sizes", () => {
    const used = new Set<string>();
    for (let seed = 0; seed < 300; seed++) {
      for (const { fault } of plan(seed, seed % 2 === 0 ? 3 : 5)) used.add(fault);
    }
    const covered = FAULTS.filter(({ isCovered }) => isCovered === true);
    expect(covered.map(({ name }) => name).filter((name) => !used.has(name))).toEqual([]);
  });

  it("keeps to the faults that are asked for", () => {
    const names = new Set(chooseFaults(["network"]).map(({ name }) => name));
    for (let seed = 0; seed < 50; seed++) {
      for (const { fault } of plan(seed, 3, ["network"])) expect(names).toContain(fault);
    }
  });
});

describe("unfairness()", () => {
  it("sees that a majority would be damaged", () => {
    const wipe = (member: number): ScheduledFault => ({
      fault: "wiped-data-dir",
      atMs: 1,
      durationMs: 1,
      parameters: { member },
    });
    expect(unfairness([wipe(0), wipe(0)], { members: 3 })).toBeUndefined();
    expect(unfairness([wipe(0), wipe(1)], { members: 3 })).toContain("2 of 3 members");
    expect(unfairness([wipe(0)], { members: 1 })).toContain("1 of 1 members");
  });
});

describe("readSchedule()", () => {
  it("gives back what formatSchedule() wrote", () => {
    for (let seed = 0; seed < 50; seed++) {
      const schedule = plan(seed);
      expect(readSchedule(formatSchedule(schedule))).toEqual(schedule);
    }
    expect(readSchedule(formatSchedule([]))).toEqual([]);
  });

  it("refuses what is no schedule", () => {
    expect(() => readSchedule("{}")).toThrow("no array of faults");
    expect(() => readSchedule('[{"fault":"kill-all"}]')).toThrow("Cannot read fault 1");
    const unknown = [{ fault: "earthquake", atMs: 1, durationMs: 1, parameters: {} }];
    expect(() => readSchedule(JSON.stringify(unknown))).toThrow('the fault "earthquake"');
  });
});
