/** How many pods a replica set makes or drops, which ones go first, and what its status says. Pure. */
import type { ReplicaSet, ReplicaSetStatus } from "../../api/gen/apps-v1.js";
import type { Pod } from "../../api/gen/core-v1.js";

export interface ReplicaSetPlan {
  readonly create: number;
  readonly remove: readonly Pod[];
  readonly status: ReplicaSetStatus;
}

/** kube-controller-manager's burst limit. */
const MAX_AT_ONCE = 500;

/** `pods` are those whose controller is this replica set. */
export function planReplicaSet(
  replicaSet: ReplicaSet,
  pods: readonly Pod[],
  nowMs: number,
): ReplicaSetPlan {
  const active = pods.filter(isActive);
  const difference = active.length - (replicaSet.spec?.replicas ?? 1);
  const going = replicaSet.metadata.deletionTimestamp !== undefined;
  return {
    create: going ? 0 : Math.min(Math.max(0, -difference), MAX_AT_ONCE),
    remove:
      going || difference <= 0
        ? []
        : active.toSorted(compareForDeletion).slice(0, Math.min(difference, MAX_AT_ONCE)),
    status: statusOf(replicaSet, active, nowMs),
  };
}

function isActive({ metadata, status }: Pod): boolean {
  return (
    metadata.deletionTimestamp === undefined &&
    status?.phase !== "Succeeded" &&
    status?.phase !== "Failed"
  );
}

export function isReady({ status }: Pod): boolean {
  return status?.conditions?.some((one) => one.type === "Ready" && one.status === "True") ?? false;
}

/** Ready for at least minReadySeconds. */
function isAvailable(pod: Pod, minReadySeconds: number, nowMs: number): boolean {
  if (!isReady(pod)) return false;
  const since = pod.status?.conditions?.find(({ type }) => type === "Ready")?.lastTransitionTime;
  return (
    minReadySeconds === 0 ||
    (since !== undefined && Date.parse(since) + minReadySeconds * 1000 <= nowMs)
  );
}

const PHASES = ["Pending", "Unknown", "Running"];
const COST = "controller.kubernetes.io/pod-deletion-cost";

/** Negative: `a` goes first. The order of controller.ActivePodsWithRanks. */
function compareForDeletion(a: Pod, b: Pod): number {
  const cost = (pod: Pod): number => Number(pod.metadata.annotations?.[COST] ?? "0") || 0;
  const restarts = (pod: Pod): number =>
    (pod.status?.containerStatuses ?? []).reduce((sum, one) => sum + one.restartCount, 0);
  return (
    Number(Boolean(a.spec?.nodeName)) - Number(Boolean(b.spec?.nodeName)) ||
    PHASES.indexOf(a.status?.phase ?? "") - PHASES.indexOf(b.status?.phase ?? "") ||
    Number(isReady(a)) - Number(isReady(b)) ||
    cost(a) - cost(b) ||
    restarts(b) - restarts(a) ||
    (b.metadata.creationTimestamp ?? "").localeCompare(a.metadata.creationTimestamp ?? "")
  );
}

function statusOf(replicaSet: ReplicaSet, active: readonly Pod[], nowMs: number): ReplicaSetStatus {
  const labels = Object.entries(replicaSet.spec?.template?.metadata?.labels ?? {});
  const minReady = replicaSet.spec?.minReadySeconds ?? 0;
  const counts = {
    fullyLabeledReplicas: active.filter(({ metadata }) =>
      labels.every(([key, value]) => metadata.labels?.[key] === value),
    ).length,
    readyReplicas: active.filter(isReady).length,
    availableReplicas: active.filter((pod) => isAvailable(pod, minReady, nowMs)).length,
  };
  return {
    replicas: active.length,
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    observedGeneration: replicaSet.metadata.generation,
  };
}
