/**
 * Whether evicting pods of lower priority would make room, node by node, in the words of
 * kube-scheduler's DefaultPreemption. This scheduler does not evict yet: where the original would,
 * the text says so. Pure.
 */
import { nodesText, type RefusedNode } from "./fit-error.js";
import type { CandidateNode, NodeFilter } from "./plugin.js";
import { type PodInfo, priorityOf } from "./pod-info.js";

export interface OutlookOptions {
  readonly nodeCount: number;
  readonly refused: readonly RefusedNode[];
  readonly filters: readonly NodeFilter[];
}

const NOT_HELPFUL = "Preemption is not helpful for scheduling";
const NO_VICTIMS = "No preemption victims found for incoming pod";
const NOT_SUPPORTED = "Preemption is not supported by this scheduler yet";

export function preemptionOutlook(
  { pod }: PodInfo,
  { nodeCount, refused, filters }: OutlookOptions,
): string {
  if (pod.spec?.preemptionPolicy === "Never") return "not eligible due to preemptionPolicy=Never.";
  const priority = priorityOf(pod);
  const possible = refused.filter(({ refusal }) => refusal.resolvable);
  const hopeless = Array.from({ length: nodeCount - possible.length }, () => NOT_HELPFUL);
  const reasons = possible.flatMap(({ node }) => outlookOn(node, { priority, filters }));
  return nodesText(nodeCount, [...reasons, ...hopeless]);
}

/** A node without all that may be evicted still has to take the pod. */
function outlookOn(
  node: CandidateNode,
  { priority, filters }: { readonly priority: number; readonly filters: readonly NodeFilter[] },
): readonly string[] {
  const stays = ({ pod }: PodInfo): boolean => priorityOf(pod) >= priority;
  if ([...node.pods()].every(stays)) return [NO_VICTIMS];
  const emptied = node.filtered(stays);
  for (const filter of filters) {
    const refusal = filter(emptied as CandidateNode); // A copy of a node that exists.
    if (refusal) return refusal.reasons;
  }
  return [NOT_SUPPORTED];
}
