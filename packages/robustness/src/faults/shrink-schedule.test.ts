import { describe, expect, it } from "vitest";
import type { ScheduledFault } from "../simulation/simulation.js";
import { type Schedule, shrinkSchedule } from "./shrink-schedule.js";

function fault(number: number, durationMs = 8_000): ScheduledFault {
  return { fault: `fault-${number}`, atMs: number * 1_000, durationMs, parameters: {} };
}

const SCHEDULE = Array.from({ length: 40 }, (_, i) => fault(i));
const names = (schedule: Schedule): string[] => schedule.map((one) => one.fault);

describe("shrinkSchedule()", () => {
  it("finds the one that is to blame, as short as it may be", async () => {
    const stillFails = (schedule: Schedule): Promise<boolean> =>
      Promise.resolve(schedule.some((one) => one.fault === "fault-17" && one.durationMs >= 1_500));
    const shrunk = await shrinkSchedule(SCHEDULE, stillFails, { attemptsMax: 200 });
    expect(shrunk.schedule).toEqual([fault(17, 2_000)]);
    expect(shrunk.isMinimal).toBe(true);
  });

  it("finds three that fail together only, in their order", async () => {
    const guilty = ["fault-3", "fault-20", "fault-38"];
    const stillFails = (schedule: Schedule): Promise<boolean> =>
      Promise.resolve(guilty.every((name) => names(schedule).includes(name)));
    const shrunk = await shrinkSchedule(SCHEDULE, stillFails, { attemptsMax: 400 });
    expect(names(shrunk.schedule)).toEqual(guilty);
    expect(shrunk.schedule.map(({ durationMs }) => durationMs)).toEqual([125, 125, 125]);
  });

  it("needs none where it fails without any", async () => {
    const shrunk = await shrinkSchedule(SCHEDULE, () => Promise.resolve(true), { attemptsMax: 9 });
    expect(shrunk).toMatchObject({ schedule: [], attempts: 1, isMinimal: true });
  });

  it("stops at its limit with what still fails, and says that it is not minimal", async () => {
    let attempts = 0;
    const stillFails = (schedule: Schedule): Promise<boolean> => {
      attempts++;
      return Promise.resolve(names(schedule).includes("fault-17"));
    };
    const shrunk = await shrinkSchedule(SCHEDULE, stillFails, { attemptsMax: 5 });
    expect(attempts).toBe(5);
    expect(shrunk.isMinimal).toBe(false);
    expect(names(shrunk.schedule)).toContain("fault-17");
    expect(shrunk.schedule.length).toBeLessThan(SCHEDULE.length);
  });

  it("leaves a schedule that cannot be made smaller as it is", async () => {
    const stillFails = (schedule: Schedule): Promise<boolean> =>
      Promise.resolve(schedule.length === 2 && schedule.every((one) => one.durationMs === 8_000));
    const two = [fault(1), fault(2)];
    const shrunk = await shrinkSchedule(two, stillFails, { attemptsMax: 100 });
    expect(shrunk.schedule).toEqual(two);
  });
});
