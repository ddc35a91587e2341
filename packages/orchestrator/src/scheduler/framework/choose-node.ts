/**
 * The decision: filter the nodes, score those that are left, take the best (kube-scheduler's
 * schedulePod). Pure.
 */
import { type Random, randomBelow } from "@sagong/base";
import type { ClusterEvent } from "./cluster-event.js";
import { fitErrorText, type RefusedNode } from "./fit-error.js";
import type { CandidateNode, FilterPlugin, NodeFilter, Plugins, ScorePlugin } from "./plugin.js";
import type { PodInfo } from "./pod-info.js";
import { preemptionOutlook } from "./preemption-outlook.js";

export interface ChooseOptions {
  readonly plugins: Plugins;
  readonly random: Random;
  /** Where the search begins: in turn, so that in large clusters all nodes have their chance. */
  readonly start: number;
}

export type Choice =
  | { readonly kind: "node"; readonly nodeName: string; readonly examined: number }
  | {
      readonly kind: "none";
      /** As FailedScheduling tells it. */
      readonly message: string;
      /** What may change that. */
      readonly helpedBy: ReadonlySet<ClusterEvent>;
      readonly examined: number;
    };

interface Stage {
  readonly plugin: FilterPlugin;
  readonly filter: NodeFilter;
}

interface Found {
  readonly fitting: readonly CandidateNode[];
  readonly refused: readonly RefusedNode[];
  readonly helpedBy: ReadonlySet<ClusterEvent>;
}

/** Among equals by chance, so that equal nodes fill evenly. */
export function chooseNode(
  pod: PodInfo,
  nodes: readonly CandidateNode[],
  { plugins, random, start }: ChooseOptions,
): Choice {
  const stages = stagesOf(plugins.filters, pod);
  const named = namedNodes(plugins.filters, pod);
  const asked = named ? nodes.filter(({ node }) => named.names.has(nameOf(node))) : nodes;
  const { fitting, refused, helpedBy } = findFitting(stages, asked, start);
  const examined = fitting.length + refused.length;
  if (fitting.length > 0) {
    const nodeName = best(plugins.scores, pod, { fitting, random });
    return { kind: "node", nodeName, examined };
  }
  const preemption = preemptionOutlook(pod, {
    nodeCount: nodes.length,
    refused,
    filters: stages.map(({ filter }) => filter),
  });
  const failure = { nodeCount: nodes.length, refused, excludedBy: named?.plugins ?? [] };
  const message = fitErrorText({
    ...failure,
    isContradiction: named?.names.size === 0,
    preemption,
  });
  return { kind: "none", message, helpedBy, examined };
}

function stagesOf(plugins: readonly FilterPlugin[], pod: PodInfo): readonly Stage[] {
  return plugins.flatMap((plugin) => {
    const filter = plugin.filter(pod);
    return filter ? [{ plugin, filter }] : [];
  });
}

interface NamedNodes {
  readonly names: ReadonlySet<string>;
  readonly plugins: readonly string[];
}

/** The nodes that all plugins that name some agree on. */
function namedNodes(plugins: readonly FilterPlugin[], pod: PodInfo): NamedNodes | undefined {
  let named: NamedNodes | undefined;
  for (const plugin of plugins) {
    const names = plugin.nodeNames?.(pod);
    if (!names) continue;
    const known = named?.names;
    named = {
      names: known ? new Set([...names].filter((name) => known.has(name))) : names,
      plugins: [...(named?.plugins ?? []), plugin.name].toSorted(),
    };
  }
  return named;
}

function findFitting(
  stages: readonly Stage[],
  nodes: readonly CandidateNode[],
  start: number,
): Found {
  const fitting: CandidateNode[] = [];
  const refused: RefusedNode[] = [];
  // A node that is new may fit whatever the others were refused for.
  const helpedBy = new Set<ClusterEvent>(["node-added"]);
  const enough = fittingNodesEnough(nodes.length);
  for (let i = 0; i < nodes.length && fitting.length < enough; i++) {
    const node = nodes[(start + i) % nodes.length];
    if (!node) continue;
    const stage = firstRefusal(stages, node);
    if (!stage) fitting.push(node);
    else {
      refused.push({ node, refusal: stage.refusal });
      for (const event of stage.plugin.helpedBy) helpedBy.add(event);
    }
  }
  return { fitting, refused, helpedBy };
}

function firstRefusal(
  stages: readonly Stage[],
  node: CandidateNode,
): { readonly plugin: FilterPlugin; readonly refusal: RefusedNode["refusal"] } | undefined {
  for (const { plugin, filter } of stages) {
    const refusal = filter(node);
    if (refusal) return { plugin, refusal };
  }
  return undefined;
}

const ENOUGH_NODES_LEAST = 100;
const ENOUGH_PERCENT_LEAST = 5;

/**
 * How many fitting nodes are enough to choose from: all of them up to 100, then a share that falls
 * from 50 to 5 percent (kube-scheduler's percentageOfNodesToScore at its default).
 */
export function fittingNodesEnough(nodeCount: number): number {
  if (nodeCount < ENOUGH_NODES_LEAST) return nodeCount;
  const percent = Math.max(50 - Math.floor(nodeCount / 125), ENOUGH_PERCENT_LEAST);
  return Math.max(Math.floor((nodeCount * percent) / 100), ENOUGH_NODES_LEAST);
}

function best(
  plugins: readonly ScorePlugin[],
  pod: PodInfo,
  { fitting, random }: { readonly fitting: readonly CandidateNode[]; readonly random: Random },
): string {
  const totals = totalScores(plugins, pod, fitting);
  const most = totals.reduce((a, b) => Math.max(a, b), 0);
  const equals = fitting.filter((_, i) => totals[i] === most);
  const chosen = equals[randomBelow(random, equals.length)];
  return nameOf(chosen?.node);
}

/** The weighted sum over the plugins, a node each. */
export function totalScores(
  plugins: readonly ScorePlugin[],
  pod: PodInfo,
  nodes: readonly CandidateNode[],
): readonly number[] {
  const totals = nodes.map(() => 0);
  if (nodes.length === 1) return totals; // Nothing to compare with.
  for (const plugin of plugins) {
    const scorer = plugin.score(pod);
    if (!scorer) continue;
    const raw = nodes.map((node) => scorer.score(node));
    const scores = scorer.normalize?.(raw) ?? raw;
    for (const [i, score] of scores.entries()) totals[i] = (totals[i] ?? 0) + score * plugin.weight;
  }
  return totals;
}

function nameOf(node: CandidateNode["node"] | undefined): string {
  return node?.metadata.name ?? "";
}
