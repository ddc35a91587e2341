/** Whether faults met traffic: one that strikes when nobody asks for anything shows little. */
import type { Operation } from "../history/history.js";
import type { ScheduledFault } from "./simulation.js";

/** What a fault that is over at once leaves behind is met within this: an election's time. */
const AFTERMATH_MS = 1_000;

/** How many of the faults had an operation under way while they lasted, or right behind them. */
export function countFaultsMet(
  schedule: readonly ScheduledFault[],
  operations: readonly Pick<Operation, "calledMs" | "returnedMs">[],
): number {
  return schedule.filter(({ atMs, durationMs }) => {
    const untilMs = atMs + Math.max(durationMs, AFTERMATH_MS);
    return operations.some(
      ({ calledMs, returnedMs = Number.POSITIVE_INFINITY }) =>
        calledMs <= untilMs && returnedMs >= atMs,
    );
  }).length;
}
