import type { FilterPlugin } from "../framework/plugin.js";
import { tolerates } from "./tolerations.js";

const TAINT = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };

/** Cordoned nodes (spec.unschedulable) take only pods that tolerate the taint of the name. */
export const nodeUnschedulable: FilterPlugin = {
  name: "NodeUnschedulable",
  filter: (pod, { node }) =>
    node.spec?.unschedulable === true && !tolerates(pod, TAINT)
      ? { reasons: ["node(s) were unschedulable"], resolvable: false }
      : undefined,
};
