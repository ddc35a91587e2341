import type { FilterPlugin, Refusal } from "../framework/plugin.js";
import { tolerates } from "../../api/tolerations.js";

const TAINT = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };
const REFUSAL: Refusal = { reasons: ["node(s) were unschedulable"], resolvable: false };

/** Cordoned nodes (spec.unschedulable) take only pods that tolerate the taint of that name. */
export const nodeUnschedulable: FilterPlugin = {
  name: "NodeUnschedulable",
  helpedBy: ["node-added", "node-unschedulable"],
  filter: ({ pod }) =>
    tolerates(pod, TAINT)
      ? undefined
      : ({ node }) => (node.spec?.unschedulable === true ? REFUSAL : undefined),
};
