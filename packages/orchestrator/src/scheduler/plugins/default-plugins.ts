/** The plugins in kube-scheduler's order; the first refusal of a node is the one that is told. */
import type { FilterPlugin, ScorePlugin } from "../framework/plugin.js";
import { nodeAffinity } from "./node-affinity.js";
import { nodeName } from "./node-name.js";
import { nodePorts } from "./node-ports.js";
import { nodeResourcesBalanced } from "./node-resources-balanced.js";
import { nodeResourcesFit } from "./node-resources-fit.js";
import { nodeUnschedulable } from "./node-unschedulable.js";
import { taintToleration } from "./taint-toleration.js";
import { unsupportedConstraints } from "./unsupported-constraints.js";

export const DEFAULT_FILTERS: readonly FilterPlugin[] = [
  nodeUnschedulable,
  nodeName,
  taintToleration,
  nodeAffinity,
  nodePorts,
  nodeResourcesFit,
  unsupportedConstraints,
];

export const DEFAULT_SCORES: readonly ScorePlugin[] = [
  taintToleration,
  nodeAffinity,
  nodeResourcesFit,
  nodeResourcesBalanced,
];
