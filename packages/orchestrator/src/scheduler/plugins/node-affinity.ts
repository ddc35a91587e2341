/**
 * spec.nodeSelector and spec.affinity.nodeAffinity. Terms are alternatives, the expressions of one
 * term must all hold; a term without any matches nothing (core/v1, NodeSelectorTerm).
 */
import type { Node, NodeSelectorRequirement, NodeSelectorTerm } from "../../api/gen/core-v1.js";
import { type FilterPlugin, normalizeByMax, type ScorePlugin } from "../framework/plugin.js";

export const nodeAffinity: FilterPlugin & ScorePlugin = {
  name: "NodeAffinity",
  weight: 2,
  filter: (pod, { node }) => {
    const { nodeSelector, affinity } = pod.spec ?? {};
    const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
    const labels = node.metadata.labels ?? {};
    const selected = Object.entries(nodeSelector ?? {}).every(([k, v]) => labels[k] === v);
    const wanted = !required || required.nodeSelectorTerms.some((term) => matchesTerm(term, node));
    if (selected && wanted) return undefined;
    const reason = "node(s) didn't match Pod's node affinity/selector";
    return { reasons: [reason], resolvable: false };
  },
  score: (pod, { node }) => {
    const preferred =
      pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    return preferred
      .filter(({ preference }) => matchesTerm(preference, node))
      .reduce((sum, { weight }) => sum + weight, 0);
  },
  normalize: (scores) => normalizeByMax(scores, { reverse: false }),
};

function matchesTerm({ matchExpressions, matchFields }: NodeSelectorTerm, node: Node): boolean {
  const expressions = matchExpressions ?? [];
  const fields = matchFields ?? [];
  if (expressions.length + fields.length === 0) return false;
  const labels = node.metadata.labels ?? {};
  return (
    expressions.every((one) => holds(one, labels[one.key])) &&
    // metadata.name is the only field that the API takes here.
    fields.every((one) => one.key === "metadata.name" && holds(one, node.metadata.name))
  );
}

function holds({ operator, values = [] }: NodeSelectorRequirement, value?: string): boolean {
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
      return compare(value, values[0], (a, b) => a > b);
    case "Lt":
      return compare(value, values[0], (a, b) => a < b);
    default:
      return false; // Validation lets no other in; what cannot be judged does not match.
  }
}

function compare(
  value: string | undefined,
  bound: string | undefined,
  test: (a: number, b: number) => boolean,
): boolean {
  const whole = /^[+-]?\d+$/;
  if (value === undefined || bound === undefined) return false;
  return whole.test(value) && whole.test(bound) && test(Number(value), Number(bound));
}
