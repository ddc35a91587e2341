import type { FilterPlugin, Refusal } from "../framework/plugin.js";

const REFUSAL: Refusal = {
  reasons: ["node(s) didn't match the requested node name"],
  resolvable: false,
};

/** A pod that names its node runs there or nowhere. */
export const nodeName: FilterPlugin = {
  name: "NodeName",
  helpedBy: ["node-added"],
  filter: ({ pod }) => {
    const wanted = pod.spec?.nodeName;
    if (!wanted) return undefined;
    return ({ node }) => (node.metadata.name === wanted ? undefined : REFUSAL);
  },
};
