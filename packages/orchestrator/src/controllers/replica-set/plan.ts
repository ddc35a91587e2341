/** How many pods a replica set makes or drops, and what its status says. Pure. */
import type { ReplicaSet, ReplicaSetCondition, ReplicaSetStatus } from "../../api/gen/apps-v1.js";
import type { Pod } from "../../api/gen/core-v1.js";
import { availableAtMs, inDeletionOrder, isReady } from "./deletion-order.js";
import { timeText } from "../../api/meta/time-text.js";

export interface ReplicaSetObservation {
  readonly replicaSet: ReplicaSet;
  /** The pods that are its own. */
  readonly pods: readonly Pod[];
  /** The active pods of its owner's other replica sets, and its own. */
  readonly related: readonly Pod[];
  readonly nowMs: number;
}

export interface ReplicaSetPlan {
  readonly create: number;
  readonly remove: readonly Pod[];
  readonly status: ReplicaSetStatus;
  /** When a ready pod will count as available; undefined where none waits. */
  readonly wakeAtMs: number | undefined;
}

/** What carrying out the plan came to, for the status. */
export interface ReplicaSetFailure {
  readonly reason: "FailedCreate" | "FailedDelete";
  readonly message: string;
}

/** kube-controller-manager's burst limit. */
const MAX_AT_ONCE = 500;

export function planReplicaSet(observation: ReplicaSetObservation): ReplicaSetPlan {
  const { replicaSet, pods, related, nowMs } = observation;
  const active = pods.filter(isActive);
  const difference = active.length - (replicaSet.spec?.replicas ?? 1);
  const going = replicaSet.metadata.deletionTimestamp !== undefined;
  const surplus = going ? 0 : Math.min(Math.max(0, difference), MAX_AT_ONCE);
  const minReadyMs = (replicaSet.spec?.minReadySeconds ?? 0) * 1000;
  const waiting = active
    .map((pod) => availableAtMs(pod, minReadyMs))
    .filter((atMs) => atMs !== undefined && atMs > nowMs)
    .map(Number);
  return {
    create: going ? 0 : Math.min(Math.max(0, -difference), MAX_AT_ONCE),
    remove:
      surplus === 0
        ? []
        : inDeletionOrder(active, { related, nowMs, minReadyMs }).slice(0, surplus),
    status: statusOf(replicaSet, active, { minReadyMs, nowMs }),
    wakeAtMs: waiting.length === 0 ? undefined : Math.min(...waiting),
  };
}

/** The status with what went wrong, or without what no longer does. */
export function withFailure(
  { replicaSet, nowMs }: Pick<ReplicaSetObservation, "replicaSet" | "nowMs">,
  status: ReplicaSetStatus,
  failure: ReplicaSetFailure | undefined,
): ReplicaSetStatus {
  const before = replicaSet.status?.conditions ?? [];
  const others = before.filter(({ type }) => type !== "ReplicaFailure");
  const known = before.find(({ type }) => type === "ReplicaFailure");
  const now: ReplicaSetCondition | undefined = failure && {
    type: "ReplicaFailure",
    status: "True",
    ...failure,
    lastTransitionTime: timeText(nowMs),
  };
  const conditions = now ? [...others, known ?? now] : others;
  return conditions.length === 0 ? status : { ...status, conditions };
}

export function isActive({ metadata, status }: Pod): boolean {
  return (
    metadata.deletionTimestamp === undefined &&
    status?.phase !== "Succeeded" &&
    status?.phase !== "Failed"
  );
}

function statusOf(
  replicaSet: ReplicaSet,
  active: readonly Pod[],
  { minReadyMs, nowMs }: { readonly minReadyMs: number; readonly nowMs: number },
): ReplicaSetStatus {
  const labels = Object.entries(replicaSet.spec?.template?.metadata?.labels ?? {});
  const counts = {
    fullyLabeledReplicas: active.filter(({ metadata }) =>
      labels.every(([key, value]) => metadata.labels?.[key] === value),
    ).length,
    readyReplicas: active.filter(isReady).length,
    availableReplicas: active.filter(
      (pod) => (availableAtMs(pod, minReadyMs) ?? Number.POSITIVE_INFINITY) <= nowMs,
    ).length,
  };
  return {
    replicas: active.length,
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    observedGeneration: replicaSet.metadata.generation,
  };
}
