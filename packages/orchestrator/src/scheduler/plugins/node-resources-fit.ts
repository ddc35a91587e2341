/** Requests against what is left of a node, and the wish for the emptier one. */
import type { Pod } from "../../api/gen/core-v1.js";
import {
  type CandidateNode,
  type FilterPlugin,
  MAX_SCORE,
  type ScorePlugin,
} from "../framework/plugin.js";
import { podNonZeroRequests, podRequests } from "../framework/pod-requests.js";

const SCORED = ["cpu", "memory"] as const;

export const nodeResourcesFit: FilterPlugin & ScorePlugin = {
  name: "NodeResourcesFit",
  weight: 1,
  filter: (pod, node) => {
    const reasons: string[] = [];
    if (node.podCount + 1 > (node.allocatable["pods"] ?? 0)) reasons.push("Too many pods");
    for (const [name, amount] of Object.entries(podRequests(pod))) {
      const free = (node.allocatable[name] ?? 0) - (node.requested[name] ?? 0);
      if (amount > 0 && amount > free) reasons.push(`Insufficient ${name}`);
    }
    return reasons.length === 0 ? undefined : { reasons, resolvable: true };
  },
  score: leastAllocated,
};

/** The share that would be left, in percent, averaged (kube-scheduler's LeastAllocated). */
function leastAllocated(pod: Pod, node: CandidateNode): number {
  const asked = podNonZeroRequests(pod);
  let sum = 0;
  let count = 0;
  for (const name of SCORED) {
    const all = node.allocatable[name] ?? 0;
    if (all === 0) continue;
    count++;
    const used = (node.nonZeroRequested[name] ?? 0) + (asked[name] ?? 0);
    if (used <= all) sum += Math.floor(((all - used) * MAX_SCORE) / all);
  }
  return count === 0 ? 0 : Math.floor(sum / count);
}
