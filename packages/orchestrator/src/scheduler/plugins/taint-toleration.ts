import type { Pod, Taint } from "../../api/gen/core-v1.js";
import {
  type CandidateNode,
  type FilterPlugin,
  normalizeByMax,
  type ScorePlugin,
} from "../framework/plugin.js";
import { tolerates } from "../../api/tolerations.js";

/** NoSchedule and NoExecute keep pods away; PreferNoSchedule lowers the score. */
export const taintToleration: FilterPlugin & ScorePlugin = {
  name: "TaintToleration",
  helpedBy: ["node-added", "node-taints"],
  weight: 3,
  filter:
    ({ pod }) =>
    (node) => {
      const [taint] = untolerated(pod, node, ["NoSchedule", "NoExecute"]);
      if (!taint) return undefined;
      const reason = `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ""}}`;
      return { reasons: [reason], resolvable: false };
    },
  score: ({ pod }) => ({
    score: (node) => untolerated(pod, node, ["PreferNoSchedule"]).length,
    normalize: (scores) => normalizeByMax(scores, { reverse: true }),
  }),
};

function untolerated(pod: Pod, { node }: CandidateNode, effects: readonly string[]): Taint[] {
  const taints = node.spec?.taints ?? [];
  return taints.filter((one) => effects.includes(one.effect) && !tolerates(pod, one));
}
