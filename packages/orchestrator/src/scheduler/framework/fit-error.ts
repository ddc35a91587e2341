/**
 * Why no node takes a pod, in the words that users and tools know from kube-scheduler (FitError):
 *
 *   0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu. preemption: …
 *
 * Pure.
 */
import { compareText } from "@sagong/base";
import type { CandidateNode, Refusal } from "./plugin.js";

export interface RefusedNode {
  readonly node: CandidateNode;
  readonly refusal: Refusal;
}

export interface FitFailure {
  readonly nodeCount: number;
  /** The nodes that were examined. */
  readonly refused: readonly RefusedNode[];
  /** Plugins by whose word the others were not. */
  readonly excludedBy: readonly string[];
  /** Whether those plugins left no node that could exist. */
  readonly isContradiction: boolean;
  /** Why evicting pods does not help. */
  readonly preemption: string;
}

export const NO_NODES = "no nodes available to schedule pods";

export function fitErrorText(failure: FitFailure): string {
  const { nodeCount, refused, excludedBy, isContradiction, preemption } = failure;
  if (nodeCount === 0) return NO_NODES;
  const reasons = refused.flatMap(({ refusal }) => refusal.reasons);
  const excluded = Array.from(
    { length: nodeCount - refused.length },
    () => `node(s) didn't satisfy plugin(s) [${excludedBy.join(" ")}]`,
  );
  const text = isContradiction
    ? `${availableText(nodeCount)}: pod affinity terms conflict.`
    : nodesText(nodeCount, [...reasons, ...excluded]);
  return `${text} preemption: ${preemption}`;
}

/** `0/3 nodes are available: 1 Insufficient cpu, 2 Too many pods.` */
export function nodesText(nodeCount: number, reasons: readonly string[]): string {
  return `${availableText(nodeCount)}: ${countedText(reasons)}.`;
}

function availableText(nodeCount: number): string {
  return `0/${nodeCount} nodes are available`;
}

/** In order of the text, number included, as the original sorts them. */
function countedText(reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .toSorted(compareText)
    .join(", ");
}
