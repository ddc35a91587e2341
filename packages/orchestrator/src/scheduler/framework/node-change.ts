/** Which changes of a node could make room for a pod; heartbeats are not among them. Pure. */
import type { Node } from "../../api/gen/core-v1.js";

export function isSchedulingRelevant(now: Node, before: Node | undefined): boolean {
  if (!before) return true;
  return (
    differs(now.spec?.taints, before.spec?.taints) ||
    now.spec?.unschedulable !== before.spec?.unschedulable ||
    differs(now.metadata.labels, before.metadata.labels) ||
    differs(now.status?.allocatable, before.status?.allocatable)
  );
}

function differs(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) !== JSON.stringify(right);
}
