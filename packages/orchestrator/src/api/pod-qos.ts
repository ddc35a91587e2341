import type { Pod } from "./gen/core-v1.js";

/** Guaranteed, Burstable or BestEffort by cpu and memory of all containers. */
export function qosClass(pod: Pod): string {
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const names = ["cpu", "memory"];
  let any = false;
  let guaranteed = true;
  for (const { resources } of containers) {
    for (const name of names) {
      const limit = resources?.limits?.[name];
      const request = resources?.requests?.[name] ?? limit;
      if (limit !== undefined || request !== undefined) any = true;
      if (limit === undefined || request !== limit) guaranteed = false;
    }
  }
  return any ? (guaranteed ? "Guaranteed" : "Burstable") : "BestEffort";
}
