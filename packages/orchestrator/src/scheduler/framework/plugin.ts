/**
 * What a scheduling plugin is: a pure judgement of one pod and one node. The extension points are
 * kube-scheduler's. `filter` and `score` are asked once a pod (PreFilter, PreScore) and answer with
 * a function over nodes, so that what depends on the pod alone is worked out once; undefined where
 * the plugin has nothing to say about this pod (Skip).
 */
import type { Node } from "../../api/gen/core-v1.js";
import type { ClusterEvent } from "./cluster-event.js";
import type { NodeInfo } from "./node-info.js";
import type { PodInfo } from "./pod-info.js";

/** A node that exists. */
export type CandidateNode = NodeInfo & { readonly node: Node };

export interface Refusal {
  /** As they appear in FailedScheduling: `Insufficient cpu`; several where several lack. */
  readonly reasons: readonly string[];
  /**
   * Whether removing pods from the node could help: kube-scheduler's Unschedulable, as against its
   * UnschedulableAndUnresolvable.
   */
  readonly resolvable: boolean;
}

/** Undefined where the pod may run there. */
export type NodeFilter = (node: CandidateNode) => Refusal | undefined;

export interface FilterPlugin {
  readonly name: string;
  /** What may help a pod that this plugin has refused; it is not tried again for anything else. */
  readonly helpedBy: readonly ClusterEvent[];
  /**
   * The only nodes that come into question, where the pod names them (PreFilterResult); an empty
   * set means that the pod contradicts itself.
   */
  nodeNames?(pod: PodInfo): ReadonlySet<string> | undefined;
  filter(pod: PodInfo): NodeFilter | undefined;
}

export interface NodeScorer {
  score(node: CandidateNode): number;
  /** Brings raw scores to 0 … `MAX_SCORE`; left out where they are so already. */
  normalize?(scores: readonly number[]): readonly number[];
}

export interface ScorePlugin {
  readonly name: string;
  readonly weight: number;
  score(pod: PodInfo): NodeScorer | undefined;
}

export interface Plugins {
  /** In the order in which they are asked; the first refusal of a node is the one that is told. */
  readonly filters: readonly FilterPlugin[];
  readonly scores: readonly ScorePlugin[];
}

export const MAX_SCORE = 100;

/** Scaled so that the largest is `MAX_SCORE`; `reverse` makes the largest the worst. */
export function normalizeByMax(
  scores: readonly number[],
  { reverse }: { readonly reverse: boolean },
): readonly number[] {
  const max = scores.reduce((most, score) => Math.max(most, score), 0);
  return scores.map((score) => {
    const scaled = max === 0 ? 0 : Math.floor((score * MAX_SCORE) / max);
    return reverse ? MAX_SCORE - scaled : scaled;
  });
}
