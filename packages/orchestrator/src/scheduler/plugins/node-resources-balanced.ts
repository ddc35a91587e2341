import { MAX_SCORE, type ScorePlugin } from "../framework/plugin.js";
import { podRequests } from "../framework/pod-requests.js";

/** Prefers nodes on which cpu and memory would be used up evenly: 100 less the deviation. */
export const nodeResourcesBalanced: ScorePlugin = {
  name: "NodeResourcesBalancedAllocation",
  weight: 1,
  score: (pod, node) => {
    const asked = podRequests(pod);
    const fractions = ["cpu", "memory"].flatMap((name) => {
      const all = node.allocatable[name] ?? 0;
      if (all === 0) return [];
      return [Math.min(1, ((node.requested[name] ?? 0) + (asked[name] ?? 0)) / all)];
    });
    const [first = 0, second = first] = fractions;
    return Math.floor((1 - Math.abs(first - second) / 2) * MAX_SCORE);
  },
};
