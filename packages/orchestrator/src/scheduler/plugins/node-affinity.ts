/** spec.nodeSelector and spec.affinity.nodeAffinity, whose terms are alternatives. */
import type { Node, NodeSelectorTerm, Pod } from "../../api/gen/core-v1.js";
import {
  type FilterPlugin,
  normalizeByMax,
  type Refusal,
  type ScorePlugin,
} from "../framework/plugin.js";
import { matchesTerm } from "./node-selector.js";

const REFUSAL: Refusal = {
  reasons: ["node(s) didn't match Pod's node affinity/selector"],
  resolvable: false,
};

export const nodeAffinity: FilterPlugin & ScorePlugin = {
  name: "NodeAffinity",
  helpedBy: ["node-added", "node-labels"],
  weight: 2,
  nodeNames: ({ pod }) => {
    const terms = requiredTerms(pod)?.map(namesOfTerm) ?? [];
    // A term that names no nodes is open to all.
    const named = terms.filter((names) => names !== undefined);
    if (terms.length === 0 || named.length < terms.length) return undefined;
    return new Set(named.flatMap((names) => [...names]));
  },
  filter: ({ pod }) => {
    const selector = Object.entries(pod.spec?.nodeSelector ?? {});
    const terms = requiredTerms(pod);
    if (selector.length === 0 && !terms) return undefined;
    return ({ node }) => (isWanted(node, { selector, terms }) ? undefined : REFUSAL);
  },
  score: ({ pod }) => {
    const { nodeAffinity: affinity } = pod.spec?.affinity ?? {};
    const preferred = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    if (preferred.length === 0) return undefined;
    return {
      score: ({ node }) =>
        preferred
          .filter(({ preference }) => matchesTerm(preference, node))
          .reduce((sum, { weight }) => sum + weight, 0),
      normalize: (scores) => normalizeByMax(scores, { reverse: false }),
    };
  },
};

function requiredTerms({ spec }: Pod): readonly NodeSelectorTerm[] | undefined {
  const { requiredDuringSchedulingIgnoredDuringExecution: required } =
    spec?.affinity?.nodeAffinity ?? {};
  return required?.nodeSelectorTerms;
}

/** The nodes that all `metadata.name in …` of a term have in common. */
function namesOfTerm({ matchFields = [] }: NodeSelectorTerm): ReadonlySet<string> | undefined {
  let common: ReadonlySet<string> | undefined;
  for (const { key, operator, values = [] } of matchFields) {
    if (key !== "metadata.name" || operator !== "In") continue;
    const known = common;
    common = new Set(known ? values.filter((name) => known.has(name)) : values);
  }
  return common;
}

interface Wanted {
  readonly selector: readonly (readonly [key: string, value: string])[];
  readonly terms: readonly NodeSelectorTerm[] | undefined;
}

function isWanted(node: Node, { selector, terms }: Wanted): boolean {
  const labels = node.metadata.labels ?? {};
  if (!selector.every(([key, value]) => labels[key] === value)) return false;
  return !terms || terms.some((term) => matchesTerm(term, node));
}
