/**
 * Every fault there is: one or more for each thing of the fault matrix (etcd's failures as its users
 * and its testers know them), those that are not covered among them, with the reason.
 */
import { CLOCK_FAULTS } from "./clock-faults.js";
import { DISK_ERROR_FAULTS } from "./disk-error-faults.js";
import { DISK_LIE_FAULTS } from "./disk-lie-faults.js";
import type { CoveredFault, Fault } from "./fault.js";
import { MEMBERSHIP_FAULTS } from "./membership-faults.js";
import { NETWORK_FAULTS } from "./network-faults.js";
import { PROCESS_FAULTS } from "./process-faults.js";
import { SERVICE_FAULTS } from "./service-faults.js";
import { SNAPSHOT_FAULTS } from "./snapshot-faults.js";
import { STORAGE_WORK_FAULTS } from "./storage-work-faults.js";
import { VERSION_FAULTS } from "./version-faults.js";

export const FAULTS: readonly Fault[] = [
  ...PROCESS_FAULTS,
  ...NETWORK_FAULTS,
  ...CLOCK_FAULTS,
  ...DISK_ERROR_FAULTS,
  ...DISK_LIE_FAULTS,
  ...MEMBERSHIP_FAULTS,
  ...SNAPSHOT_FAULTS,
  ...STORAGE_WORK_FAULTS,
  ...SERVICE_FAULTS,
  ...VERSION_FAULTS,
];

/** Those that `names` (of faults or of groups) choose; all without any. Not those that are not covered. */
export function chooseFaults(names: readonly string[] = []): readonly CoveredFault[] {
  for (const name of names) {
    const found = FAULTS.filter(({ group, name: own }) => own === name || group === name);
    const [first] = found;
    if (!first)
      throw new Error(`Cannot choose the fault "${name}": no fault or group has this name`);
    if (found.length === 1 && first.isCovered !== true) {
      throw new Error(`Cannot choose the fault "${name}": it is not covered: ${first.isCovered}`);
    }
  }
  return FAULTS.filter((fault): fault is CoveredFault => {
    const isNamed = names.includes(fault.name) || names.includes(fault.group);
    return fault.isCovered === true && (names.length === 0 || isNamed);
  });
}

/** By the name that a schedule has. */
export function coveredFault(name: string): CoveredFault {
  const fault = FAULTS.find((other) => other.name === name);
  if (fault?.isCovered === true) return fault;
  throw new Error(`Cannot apply the fault "${name}": the catalogue has none of this name`);
}
