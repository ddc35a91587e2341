/** Requests against what is left of a node, and the wish for the emptier one. */
import type { Amounts } from "../framework/amounts.js";
import {
  type CandidateNode,
  type FilterPlugin,
  MAX_SCORE,
  type Refusal,
  type ScorePlugin,
} from "../framework/plugin.js";

const SCORED = ["cpu", "memory"] as const;

export const nodeResourcesFit: FilterPlugin & ScorePlugin = {
  name: "NodeResourcesFit",
  helpedBy: ["node-added", "node-allocatable", "pod-removed"],
  weight: 1,
  filter: ({ requests }) => {
    const asked = Object.entries(requests).filter(([, amount]) => amount > 0);
    return (node) => insufficient(asked, node);
  },
  score: ({ nonZeroRequests }) => ({ score: (node) => leastAllocated(nonZeroRequests, node) }),
};

/** What is more than the whole node has, no eviction makes room for. */
function insufficient(
  asked: readonly (readonly [name: string, amount: number])[],
  { allocatable, requested, podCount }: CandidateNode,
): Refusal | undefined {
  const reasons: string[] = [];
  let resolvable = true;
  if (podCount + 1 > (allocatable["pods"] ?? 0)) reasons.push("Too many pods");
  for (const [name, amount] of asked) {
    const all = allocatable[name] ?? 0;
    if (amount <= all - (requested[name] ?? 0)) continue;
    reasons.push(`Insufficient ${name}`);
    if (amount > all) resolvable = false;
  }
  return reasons.length === 0 ? undefined : { reasons, resolvable };
}

/** The share that would be left, in percent, averaged (kube-scheduler's LeastAllocated). */
function leastAllocated(asked: Amounts, node: CandidateNode): number {
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
