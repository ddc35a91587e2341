/** All faults that real processes are put through. */
import type { ChaosFault } from "./fault.js";
import { faultName } from "./fault.js";
import { NETWORK_FAULTS } from "./network-faults.js";
import { PROCESS_FAULTS } from "./process-faults.js";
import { VERSION_FAULTS } from "./version-faults.js";

export const CATALOGUE: readonly ChaosFault[] = [
  ...PROCESS_FAULTS,
  ...NETWORK_FAULTS,
  ...VERSION_FAULTS,
];

/** By `group/name`, `name` or `group`. Throws where a word means nothing. */
export function selectFaults(words: readonly string[]): readonly ChaosFault[] {
  if (words.length === 0) return CATALOGUE;
  return words.flatMap((word) => {
    const found = CATALOGUE.filter((fault) =>
      [faultName(fault), fault.name, fault.group].includes(word),
    );
    if (found.length > 0) return found;
    const names = CATALOGUE.map(faultName).join(", ");
    throw new Error(`Cannot select the fault "${word}": expected a group or one of ${names}`);
  });
}
