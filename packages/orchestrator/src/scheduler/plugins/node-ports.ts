import { portsConflict } from "../framework/host-ports.js";
import type { FilterPlugin, Refusal } from "../framework/plugin.js";

const REFUSAL: Refusal = {
  reasons: ["node(s) didn't have free ports for the requested pod ports"],
  resolvable: true,
};

/** Two pods on one node cannot have the same host port, protocol and (overlapping) address. */
export const nodePorts: FilterPlugin = {
  name: "NodePorts",
  helpedBy: ["node-added", "pod-removed"],
  filter: ({ hostPorts }) => {
    if (hostPorts.length === 0) return undefined;
    return (node) => {
      for (const used of node.hostPorts()) {
        if (hostPorts.some((wanted) => portsConflict(wanted, used))) return REFUSAL;
      }
      return undefined;
    };
  },
};
