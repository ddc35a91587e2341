/** What a node's silence and its conditions mean: conditions, taints, and when pods must go. Pure. */
import type { Node, NodeCondition, Pod, Taint } from "../../api/gen/core-v1.js";
import { timeText } from "../../api/meta/time-text.js";
import { matchesTaint } from "../../api/tolerations.js";

export interface NodeObservation {
  readonly node: Node;
  /** Since its lease or status was last seen to change, by our own clock. */
  readonly silentMs: number;
  readonly nowMs: number;
  readonly graceMs: number;
}

export interface NodePlan {
  /** Set where conditions must become Unknown. */
  readonly conditions: readonly NodeCondition[] | undefined;
  /** Set where the taints differ from what they should be. */
  readonly taints: readonly Taint[] | undefined;
  /** The node is silent: what its pods last said of themselves holds no longer. */
  readonly isSilent: boolean;
}

const UNREACHABLE = "node.kubernetes.io/unreachable";
const NOT_READY = "node.kubernetes.io/not-ready";
const UNSCHEDULABLE = "node.kubernetes.io/unschedulable";
/** Conditions that, where they are True, keep pods away. */
const BY_CONDITION: ReadonlyMap<string, string> = new Map([
  ["MemoryPressure", "node.kubernetes.io/memory-pressure"],
  ["DiskPressure", "node.kubernetes.io/disk-pressure"],
  ["PIDPressure", "node.kubernetes.io/pid-pressure"],
  ["NetworkUnavailable", "node.kubernetes.io/network-unavailable"],
]);
/** Taints of other keys are somebody else's. */
const OWN_KEYS: ReadonlySet<string> = new Set([
  UNREACHABLE,
  NOT_READY,
  UNSCHEDULABLE,
  ...BY_CONDITION.values(),
]);
/** What a node reports itself, and what is therefore unknown once it is silent. */
const REPORTED = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];
/** A node that never reported gets longer: kube-controller-manager's --node-startup-grace-period. */
const STARTUP_GRACE_MS = 60_000;

export function planNode({ node, silentMs, nowMs, graceMs }: NodeObservation): NodePlan {
  const before = node.status?.conditions ?? [];
  const ready = before.find(({ type }) => type === "Ready");
  const isSilent = silentMs > (ready ? graceMs : Math.max(graceMs, STARTUP_GRACE_MS));
  const conditions = isSilent ? unknown(node, before, nowMs) : before;
  return {
    conditions: conditions.every((condition, i) => condition === before[i])
      ? undefined
      : conditions,
    taints: taintsFor(node, conditions, nowMs),
    isSilent,
  };
}

function unknown(node: Node, before: readonly NodeCondition[], nowMs: number): NodeCondition[] {
  const now = timeText(nowMs);
  const present = before.map((condition): NodeCondition => {
    if (!REPORTED.includes(condition.type) || condition.status === "Unknown") return condition;
    return {
      ...condition,
      status: "Unknown",
      reason: "NodeStatusUnknown",
      message: "Kubelet stopped posting node status.",
      lastTransitionTime: now,
    };
  });
  if (present.some(({ type }) => type === "Ready")) return present;
  const never: NodeCondition = {
    type: "Ready",
    status: "Unknown",
    reason: "NodeStatusNeverUpdated",
    message: "Kubelet never posted node status.",
    lastHeartbeatTime: node.metadata.creationTimestamp,
    lastTransitionTime: now,
  };
  return [...present, never];
}

function taintsFor(
  node: Node,
  conditions: readonly NodeCondition[],
  nowMs: number,
): readonly Taint[] | undefined {
  const ready = conditions.find(({ type }) => type === "Ready")?.status;
  // A node that has just registered says in a moment how it is: until then nothing is known.
  if (ready === undefined) return undefined;
  const key = ready === "True" ? undefined : ready === "False" ? NOT_READY : UNREACHABLE;
  const wanted: Taint[] = [];
  if (key !== undefined) {
    wanted.push({ key, effect: "NoSchedule" });
    wanted.push({ key, effect: "NoExecute", timeAdded: timeText(nowMs) });
  }
  if (node.spec?.unschedulable) wanted.push({ key: UNSCHEDULABLE, effect: "NoSchedule" });
  for (const { type, status } of conditions) {
    const pressure = status === "True" ? BY_CONDITION.get(type) : undefined;
    if (pressure !== undefined) wanted.push({ key: pressure, effect: "NoSchedule" });
  }
  const before = node.spec?.taints ?? [];
  const own = before.filter((taint) => OWN_KEYS.has(taint.key));
  const isSame = (a: Taint, b: Taint): boolean => a.key === b.key && a.effect === b.effect;
  const same =
    own.length === wanted.length &&
    wanted.every((taint) => own.some((other) => isSame(taint, other)));
  if (same) return undefined;
  const foreign = before.filter((taint) => !OWN_KEYS.has(taint.key));
  // One that was there before was there since then: pods leave by that time.
  return [...foreign, ...wanted.map((taint) => own.find((one) => isSame(one, taint)) ?? taint)];
}

/**
 * When a pod must leave its node for the node's NoExecute taints; undefined: never. A taint
 * without a time of its own counts from when it was first seen.
 */
export function evictionMs(
  pod: Pod,
  node: Node,
  seenMs: (taint: Taint) => number,
): number | undefined {
  const times = (node.spec?.taints ?? [])
    .filter(({ effect }) => effect === "NoExecute")
    .map((taint) => {
      const sinceMs = taint.timeAdded === undefined ? seenMs(taint) : Date.parse(taint.timeAdded);
      // The first that tolerates it counts, as in the taint manager.
      const toleration = pod.spec?.tolerations?.find((one) => matchesTaint(one, taint));
      if (!toleration) return sinceMs;
      const { tolerationSeconds } = toleration;
      if (tolerationSeconds === undefined) return Number.POSITIVE_INFINITY;
      return sinceMs + Math.max(0, tolerationSeconds) * 1000;
    });
  const first = Math.min(...times);
  return Number.isFinite(first) ? first : undefined;
}
