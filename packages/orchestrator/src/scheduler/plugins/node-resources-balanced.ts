import type { Amounts } from "../framework/amounts.js";
import { type CandidateNode, MAX_SCORE, type ScorePlugin } from "../framework/plugin.js";

const BALANCED = ["cpu", "memory"] as const;

/**
 * Prefers nodes on which cpu and memory would be used up evenly: 100 less the deviation, which for
 * two shares is half their difference. Of a pod that asks for neither there is nothing to balance:
 * it would only ever be drawn to the same node.
 */
export const nodeResourcesBalanced: ScorePlugin = {
  name: "NodeResourcesBalancedAllocation",
  weight: 1,
  score: ({ requests }) =>
    BALANCED.every((name) => (requests[name] ?? 0) === 0)
      ? undefined
      : { score: (node) => balance(requests, node) },
};

function balance(asked: Amounts, node: CandidateNode): number {
  const shares = BALANCED.flatMap((name) => {
    const all = node.allocatable[name] ?? 0;
    if (all === 0) return [];
    return [Math.min(1, ((node.requested[name] ?? 0) + (asked[name] ?? 0)) / all)];
  });
  const [first = 0, second = first] = shares;
  return Math.floor((1 - Math.abs(first - second) / 2) * MAX_SCORE);
}
