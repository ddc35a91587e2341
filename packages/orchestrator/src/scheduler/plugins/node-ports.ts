import { type HostPort, hostPortsOf } from "../framework/node-info.js";
import type { FilterPlugin } from "../framework/plugin.js";

const ANY_ADDRESS = "0.0.0.0";

/** Two pods on one node cannot have the same host port, protocol and (overlapping) address. */
export const nodePorts: FilterPlugin = {
  name: "NodePorts",
  filter: (pod, node) => {
    const wanted = hostPortsOf(pod);
    if (wanted.length === 0) return undefined;
    const used = [...node.hostPorts()];
    if (!wanted.some((port) => used.some((other) => conflict(port, other)))) return undefined;
    const reason = "node(s) didn't have free ports for the requested pod ports";
    return { reasons: [reason], resolvable: true };
  },
};

function conflict(a: HostPort, b: HostPort): boolean {
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  return a.ip === b.ip || a.ip === ANY_ADDRESS || b.ip === ANY_ADDRESS;
}
