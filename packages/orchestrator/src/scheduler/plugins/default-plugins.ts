/** The plugins in kube-scheduler's order and with its weights (default_plugins.go). */
import type { Plugins } from "../framework/plugin.js";
import { nodeAffinity } from "./node-affinity.js";
import { nodeName } from "./node-name.js";
import { nodePorts } from "./node-ports.js";
import { nodeResourcesBalanced } from "./node-resources-balanced.js";
import { nodeResourcesFit } from "./node-resources-fit.js";
import { nodeUnschedulable } from "./node-unschedulable.js";
import { taintToleration } from "./taint-toleration.js";
import { unsupportedConstraints } from "./unsupported-constraints.js";

export const DEFAULT_PLUGINS: Plugins = {
  filters: [
    nodeUnschedulable,
    nodeName,
    taintToleration,
    nodeAffinity,
    nodePorts,
    nodeResourcesFit,
    unsupportedConstraints,
  ],
  scores: [taintToleration, nodeAffinity, nodeResourcesFit, nodeResourcesBalanced],
};
