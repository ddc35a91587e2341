/** A schedule as a file has it: JSON, an array of faults, checked before anything is applied. */
import type { ScheduledFault } from "../simulation/simulation.js";
import { coveredFault } from "./catalogue.js";
import type { Schedule } from "./shrink-schedule.js";

/** One fault a line: to be read, edited and given back. */
export function formatSchedule(schedule: Schedule): string {
  const lines = schedule.map((fault) => `  ${JSON.stringify(fault)}`);
  return lines.length === 0 ? "[]\n" : `[\n${lines.join(",\n")}\n]\n`;
}

/** Throws where `text` is no schedule, or has a fault that the catalogue does not have. */
export function readSchedule(text: string): ScheduledFault[] {
  const value: unknown = JSON.parse(text);
  if (!Array.isArray(value)) throw new Error("Cannot read a schedule: it is no array of faults");
  return value.map((item: unknown, i) => {
    if (!isScheduledFault(item)) {
      throw new Error(
        `Cannot read fault ${i + 1} of a schedule: expected fault, atMs, durationMs and parameters`,
      );
    }
    coveredFault(item.fault);
    return item;
  });
}

function isScheduledFault(value: unknown): value is ScheduledFault {
  if (typeof value !== "object" || value === null) return false;
  const { fault, atMs, durationMs, parameters } = { ...value } as Record<string, unknown>; // An object.
  return (
    typeof fault === "string" &&
    typeof atMs === "number" &&
    typeof durationMs === "number" &&
    typeof parameters === "object" &&
    parameters !== null
  );
}
