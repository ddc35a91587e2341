import type { Taint } from "../../api/gen/core-v1.js";
import { type FilterPlugin, normalizeByMax, type ScorePlugin } from "../framework/plugin.js";
import { tolerates } from "./tolerations.js";

/** NoSchedule and NoExecute keep pods away; PreferNoSchedule lowers the score. */
export const taintToleration: FilterPlugin & ScorePlugin = {
  name: "TaintToleration",
  weight: 3,
  filter: (pod, { node }) => {
    const taint = (node.spec?.taints ?? []).find((one) => isHard(one) && !tolerates(pod, one));
    if (!taint) return undefined;
    const reason = `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ""}}`;
    return { reasons: [reason], resolvable: false };
  },
  score: (pod, { node }) =>
    (node.spec?.taints ?? []).filter(
      (one) => one.effect === "PreferNoSchedule" && !tolerates(pod, one),
    ).length,
  normalize: (scores) => normalizeByMax(scores, { reverse: true }),
};

function isHard({ effect }: Taint): boolean {
  return effect === "NoSchedule" || effect === "NoExecute";
}
