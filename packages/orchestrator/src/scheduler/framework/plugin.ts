/**
 * What a scheduling plugin is: a pure judgement of one pod and one node. The extension points are
 * kube-scheduler's (Filter, Score, NormalizeScore).
 */
import type { Node, Pod } from "../../api/gen/core-v1.js";
import type { NodeInfo } from "./node-info.js";

/** A node that exists. */
export type CandidateNode = NodeInfo & { readonly node: Node };

export interface Refusal {
  /** As they appear in FailedScheduling: `Insufficient cpu`; several where several lack. */
  readonly reasons: readonly string[];
  /** Whether removing pods from the node could help (kube-scheduler's Unschedulable). */
  readonly resolvable: boolean;
}

export interface FilterPlugin {
  readonly name: string;
  /** Undefined where the pod may run there. */
  filter(pod: Pod, node: CandidateNode): Refusal | undefined;
}

export interface ScorePlugin {
  readonly name: string;
  readonly weight: number;
  score(pod: Pod, node: CandidateNode): number;
  /** Brings raw scores to 0 … 100; left out where they are so already. */
  normalize?(scores: readonly number[]): readonly number[];
}

export const MAX_SCORE = 100;

/** Scaled so that the largest is 100; `reverse` makes the largest the worst. */
export function normalizeByMax(
  scores: readonly number[],
  { reverse }: { readonly reverse: boolean },
): readonly number[] {
  const max = Math.max(0, ...scores);
  return scores.map((score) => {
    const scaled = max === 0 ? 0 : Math.floor((score * MAX_SCORE) / max);
    return reverse ? MAX_SCORE - scaled : scaled;
  });
}
