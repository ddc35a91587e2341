/**
 * What happens in the cluster that may make room for a pod (kube-scheduler's ClusterEvents, as far
 * as our plugins care). Heartbeats are not among them. Pure.
 */
import type { Node } from "../../api/gen/core-v1.js";

export type ClusterEvent =
  | "node-added"
  | "node-allocatable"
  | "node-labels"
  | "node-taints"
  | "node-unschedulable"
  /** A pod left its node, or asks for less there. */
  | "pod-removed";

/** What of a node's change may help a pod; a deleted node helps none. */
export function nodeEvents(now: Node | undefined, before: Node | undefined): ClusterEvent[] {
  if (!now) return [];
  if (!before || before.metadata.uid !== now.metadata.uid) return ["node-added"];
  const events: ClusterEvent[] = [];
  if (differs(now.status?.allocatable, before.status?.allocatable)) events.push("node-allocatable");
  if (differs(now.metadata.labels, before.metadata.labels)) events.push("node-labels");
  if (differs(now.spec?.taints, before.spec?.taints)) events.push("node-taints");
  const [isClosed, wasClosed] = [now, before].map(({ spec }) => spec?.unschedulable === true);
  if (isClosed !== wasClosed) events.push("node-unschedulable");
  return events;
}

/** Fields of one writer keep their order; a false alarm costs one more try. */
function differs(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) !== JSON.stringify(right);
}
