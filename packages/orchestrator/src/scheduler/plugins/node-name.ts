import type { FilterPlugin } from "../framework/plugin.js";

/** A pod that names its node runs there or nowhere. */
export const nodeName: FilterPlugin = {
  name: "NodeName",
  filter: (pod, { node }) =>
    pod.spec?.nodeName && pod.spec.nodeName !== node.metadata.name
      ? { reasons: ["node(s) didn't match the requested node name"], resolvable: false }
      : undefined,
};
