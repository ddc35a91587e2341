/** Why no node takes a pod, in the words that users and tools know from kube-scheduler. Pure. */
import type { Pod } from "../../api/gen/core-v1.js";
import type { CandidateNode, Refusal } from "./plugin.js";

export interface RefusedNode {
  readonly node: CandidateNode;
  readonly refusal: Refusal;
}

const NOT_HELPFUL = "Preemption is not helpful for scheduling";
const NO_VICTIMS = "No preemption victims found for incoming pod";
/** Where the original would now evict pods of lower priority. */
const NOT_SUPPORTED = "Preemption is not supported by this scheduler yet";

export function fitErrorText(pod: Pod, refused: readonly RefusedNode[]): string {
  if (refused.length === 0) return "no nodes available to schedule pods";
  const available = `0/${refused.length} nodes are available`;
  const reasons = countedText(refused.flatMap(({ refusal }) => refusal.reasons));
  const preemption = countedText(refused.map((one) => preemptionReason(pod, one)));
  return `${available}: ${reasons}. preemption: ${available}: ${preemption}.`;
}

function preemptionReason(pod: Pod, { node, refusal }: RefusedNode): string {
  if (!refusal.resolvable) return NOT_HELPFUL;
  const priority = pod.spec?.priority ?? 0;
  for (const other of node.pods()) {
    if ((other.spec?.priority ?? 0) < priority) return NOT_SUPPORTED;
  }
  return NO_VICTIMS;
}

/** `1 Insufficient cpu, 2 node(s) were unschedulable`: in order of the text, as the original. */
function countedText(reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
    .join(", ");
}
