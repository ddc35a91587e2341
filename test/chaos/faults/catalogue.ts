/** All faults that real processes are put through. */
import { CLOCK_FAULTS } from "./clock-faults.js";
import { DISK_FAULTS } from "./disk-faults.js";
import type { ChaosFault } from "./fault.js";
import { faultName } from "./fault.js";
import { NETWORK_FAULTS } from "./network-faults.js";
import { NOT_COVERED } from "./not-covered.js";
import { PROCESS_FAULTS } from "./process-faults.js";
import { SERVICE_FAULTS } from "./service-faults.js";
import { VERSION_FAULTS } from "./version-faults.js";

export const CATALOGUE: readonly ChaosFault[] = [
  ...PROCESS_FAULTS,
  ...NETWORK_FAULTS,
  ...CLOCK_FAULTS,
  ...DISK_FAULTS,
  ...SERVICE_FAULTS,
  ...VERSION_FAULTS,
];

/** By `group/name`, `name` or `group`. Throws where a word means nothing. */
export function selectFaults(words: readonly string[]): readonly ChaosFault[] {
  const bearable = CATALOGUE.filter(({ isFatal }) => isFatal !== true);
  if (words.length === 0) return bearable;
  return words.flatMap((word) => {
    const found = [
      ...CATALOGUE.filter((fault) => [faultName(fault), fault.name].includes(word)),
      ...bearable.filter(({ group }) => group === word),
    ];
    if (found.length > 0) return found;
    const names = CATALOGUE.map(faultName).join(", ");
    throw new Error(`Cannot select the fault "${word}": expected a group or one of ${names}`);
  });
}

/** A line each: what there is, and what there is not. */
export function listFaults(): string {
  return [
    ...CATALOGUE.map((fault) => {
      const notes = [
        ...(fault.membersMin === undefined ? [] : [`needs ${fault.membersMin} members`]),
        ...(fault.needsMemoryLimits === true ? ["needs memory cgroups"] : []),
        ...(fault.isFatal === true ? ["more than a store can bear: only where it is named"] : []),
      ];
      return notes.length === 0 ? faultName(fault) : `${faultName(fault)} (${notes.join(", ")})`;
    }),
    "",
    "Not covered:",
    ...NOT_COVERED.map(({ group, what, reason }) => `${group}: ${what}: ${reason}`),
  ].join("\n");
}
