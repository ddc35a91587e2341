/** What a node's silence means: conditions, taints, and which of its pods must go. Pure. */
import type { Node, NodeCondition, Pod, Taint } from "../../api/gen/core-v1.js";

export interface NodeObservation {
  readonly node: Node;
  /** When its lease or status was last seen to change, by our own clock. */
  readonly heartbeatMs: number;
  readonly nowMs: number;
  readonly graceMs: number;
}

export interface NodePlan {
  /** Set where Ready must become Unknown. */
  readonly conditions: readonly NodeCondition[] | undefined;
  /** Set where the taints differ from what they should be. */
  readonly taints: readonly Taint[] | undefined;
}

const UNREACHABLE = "node.kubernetes.io/unreachable";
const NOT_READY = "node.kubernetes.io/not-ready";

export function planNode({ node, heartbeatMs, nowMs, graceMs }: NodeObservation): NodePlan {
  const before = node.status?.conditions ?? [];
  const ready = before.find(({ type }) => type === "Ready");
  const silent = nowMs - heartbeatMs > graceMs;
  const status = silent ? "Unknown" : (ready?.status ?? "Unknown");
  const now = `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
  const conditions =
    silent && ready?.status !== "Unknown"
      ? [
          ...before.filter(({ type }) => type !== "Ready"),
          {
            type: "Ready",
            status: "Unknown",
            reason: "NodeStatusUnknown",
            message: "Kubelet stopped posting node status.",
            lastHeartbeatTime: ready?.lastHeartbeatTime ?? now,
            lastTransitionTime: now,
          },
        ]
      : undefined;
  const key = status === "True" ? undefined : status === "False" ? NOT_READY : UNREACHABLE;
  return { conditions, taints: taintsFor(node, key, now) };
}

function taintsFor(node: Node, key: string | undefined, now: string): readonly Taint[] | undefined {
  const before = node.spec?.taints ?? [];
  const foreign = before.filter((taint) => taint.key !== UNREACHABLE && taint.key !== NOT_READY);
  const own = before.filter((taint) => taint.key === UNREACHABLE || taint.key === NOT_READY);
  const wanted: Taint[] =
    key === undefined
      ? []
      : [
          { key, effect: "NoSchedule" },
          { key, effect: "NoExecute", timeAdded: now },
        ];
  const same =
    own.length === wanted.length &&
    wanted.every((taint) =>
      own.some((one) => one.key === taint.key && one.effect === taint.effect),
    );
  return same ? undefined : [...foreign, ...wanted];
}

/** When a pod must leave its tainted node; undefined: never. */
export function evictionMs(pod: Pod, node: Node): number | undefined {
  const taints = (node.spec?.taints ?? []).filter(({ effect }) => effect === "NoExecute");
  const times = taints.map((taint) => {
    const matching = (pod.spec?.tolerations ?? []).filter(
      ({ key, effect, operator, value }) =>
        (key === undefined || key === taint.key) &&
        (effect === undefined || effect === "NoExecute") &&
        (operator === "Exists" || (value ?? "") === (taint.value ?? "")),
    );
    if (matching.length === 0) return 0;
    const seconds = matching.map(
      ({ tolerationSeconds }) => tolerationSeconds ?? Number.POSITIVE_INFINITY,
    );
    const least = Math.min(...seconds);
    return Number.isFinite(least)
      ? Date.parse(taint.timeAdded ?? "") + least * 1000
      : Number.POSITIVE_INFINITY;
  });
  const first = Math.min(...times);
  return times.length > 0 && Number.isFinite(first) ? first : undefined;
}
