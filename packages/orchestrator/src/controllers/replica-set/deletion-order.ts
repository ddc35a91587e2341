/**
 * Which pods of a replica set go first where some must go: the order of controller.ActivePodsWithRanks
 * (k8s.io/kubernetes pkg/controller/controller_utils.go). Pure.
 *
 * Unlike upstream's, pods that are ready but not available yet (minReadySeconds) go before those that
 * are: a Deployment that drops what is unavailable of an old replica set means these, and would
 * otherwise take available pods beyond its maxUnavailable.
 */
import type { Pod } from "../../api/gen/core-v1.js";

export interface DeletionContext {
  /** All active pods of the same owner, those of its other replica sets too. */
  readonly related: readonly Pod[];
  readonly nowMs: number;
  /** Of minReadySeconds; 0 where left out: what is ready is available. */
  readonly minReadyMs?: number;
}

/** The one that goes first comes first. */
export function inDeletionOrder(
  pods: readonly Pod[],
  { related, nowMs, minReadyMs = 0 }: DeletionContext,
): readonly Pod[] {
  const onNode = new Map<string, number>();
  for (const { spec } of related) {
    const node = spec?.nodeName ?? "";
    if (node !== "") onNode.set(node, (onNode.get(node) ?? 0) + 1);
  }
  const isAvailable = (pod: Pod): boolean => {
    const atMs = availableAtMs(pod, minReadyMs);
    return atMs !== undefined && atMs <= nowMs;
  };
  const siblings = ({ spec }: Pod): number => onNode.get(spec?.nodeName ?? "") ?? 0;
  return pods.toSorted(
    (a, b) =>
      Number(Boolean(a.spec?.nodeName)) - Number(Boolean(b.spec?.nodeName)) ||
      phaseRank(a) - phaseRank(b) ||
      Number(isReady(a)) - Number(isReady(b)) ||
      Number(isAvailable(a)) - Number(isAvailable(b)) ||
      costOf(a) - costOf(b) ||
      siblings(b) - siblings(a) ||
      byTime(readyText(a), readyText(b), nowMs) ||
      restartsOf(b) - restartsOf(a) ||
      byTime(a.metadata.creationTimestamp, b.metadata.creationTimestamp, nowMs) ||
      (a.metadata.uid ?? "").localeCompare(b.metadata.uid ?? ""),
  );
}

export function isReady({ status }: Pod): boolean {
  return status?.conditions?.some((one) => one.type === "Ready" && one.status === "True") ?? false;
}

/** Since when it is ready; undefined where it is not. */
export function readyText({ status }: Pod): string | undefined {
  const condition = status?.conditions?.find(({ type }) => type === "Ready");
  return condition?.status === "True" ? condition.lastTransitionTime : undefined;
}

/** From when on a pod counts as available; undefined: it is not ready. */
export function availableAtMs(pod: Pod, minReadyMs: number): number | undefined {
  if (!isReady(pod)) return undefined;
  if (minReadyMs === 0) return Number.NEGATIVE_INFINITY;
  const since = readyText(pod);
  return since === undefined ? undefined : Date.parse(since) + minReadyMs;
}

const PHASES = ["Pending", "Unknown", "Running"];
const COST = "controller.kubernetes.io/pod-deletion-cost";

function phaseRank({ status }: Pod): number {
  return PHASES.indexOf(status?.phase ?? "");
}

function costOf({ metadata }: Pod): number {
  return Number(metadata.annotations?.[COST] ?? "0") || 0;
}

function restartsOf({ status }: Pod): number {
  return Math.max(0, ...(status?.containerStatuses ?? []).map(({ restartCount }) => restartCount));
}

/**
 * The later one first, but only by orders of magnitude: among pods of about the same age chance
 * decides, so that scaling down spreads over failure domains (KEP-2185).
 */
function byTime(a: string | undefined, b: string | undefined, nowMs: number): number {
  if (a === b) return 0;
  if (a === undefined || b === undefined) return a === undefined ? -1 : 1;
  return magnitude(a, nowMs) - magnitude(b, nowMs);
}

/** The logarithm of the age in nanoseconds, as upstream buckets it. */
function magnitude(time: string, nowMs: number): number {
  const ageNs = (nowMs - Date.parse(time)) * 1e6;
  return ageNs > 0 ? Math.floor(Math.log2(ageNs)) : -1;
}
