/** The decision: filter the nodes, score those that are left, take the best. Pure. */
import { type Random, randomBelow } from "@sagong/base";
import type { Pod } from "../../api/gen/core-v1.js";
import { fitErrorText, type RefusedNode } from "./fit-error.js";
import type { NodeInfo } from "./node-info.js";
import type { CandidateNode, FilterPlugin, Refusal, ScorePlugin } from "./plugin.js";

export interface Plugins {
  readonly filters: readonly FilterPlugin[];
  readonly scores: readonly ScorePlugin[];
}

export type Choice =
  | { readonly kind: "node"; readonly nodeName: string }
  | { readonly kind: "none"; readonly message: string };

/** Among equals by chance, so that equal nodes fill evenly. */
export function chooseNode(
  pod: Pod,
  nodes: readonly NodeInfo[],
  { plugins, random }: { readonly plugins: Plugins; readonly random: Random },
): Choice {
  const fitting: CandidateNode[] = [];
  const refused: RefusedNode[] = [];
  for (const node of nodes.filter(isCandidate)) {
    const refusal = firstRefusal(plugins.filters, pod, node);
    if (refusal) refused.push({ node, refusal });
    else fitting.push(node);
  }
  if (fitting.length === 0) return { kind: "none", message: fitErrorText(pod, refused) };
  const totals = totalScores(plugins.scores, pod, fitting);
  const best = Math.max(...totals);
  const equals = fitting.filter((_, i) => totals[i] === best);
  const chosen = equals[randomBelow(random, equals.length)] ?? equals[0];
  return { kind: "node", nodeName: chosen?.node.metadata.name ?? "" };
}

function isCandidate(info: NodeInfo): info is CandidateNode {
  return info.node !== undefined;
}

function firstRefusal(
  filters: readonly FilterPlugin[],
  pod: Pod,
  node: CandidateNode,
): Refusal | undefined {
  for (const plugin of filters) {
    const refusal = plugin.filter(pod, node);
    if (refusal) return refusal;
  }
  return undefined;
}

function totalScores(
  plugins: readonly ScorePlugin[],
  pod: Pod,
  nodes: readonly CandidateNode[],
): readonly number[] {
  const totals = nodes.map(() => 0);
  if (nodes.length === 1) return totals;
  for (const plugin of plugins) {
    const raw = nodes.map((node) => plugin.score(pod, node));
    const scores = plugin.normalize?.(raw) ?? raw;
    for (const [i, score] of scores.entries()) totals[i] = (totals[i] ?? 0) + score * plugin.weight;
  }
  return totals;
}
