/** A pod's line in `kubectl get pods` (k8s.io/kubernetes pkg/printers/internalversion, printPod). */
import type { ContainerStatus, Pod } from "../gen/core-v1.js";
import { ageOf, humanDuration } from "./duration.js";

export function podCells(pod: Pod, nowMs: number): (string | number)[] {
  const statuses = pod.status?.containerStatuses ?? [];
  const sidecars = (pod.spec?.initContainers ?? []).filter(
    ({ restartPolicy }) => restartPolicy === "Always",
  );
  const sidecarStatuses = (pod.status?.initContainerStatuses ?? []).filter(({ name }) =>
    sidecars.some((sidecar) => sidecar.name === name),
  );
  const ready = [...statuses, ...sidecarStatuses].filter((status) => status.ready).length;
  const total = (pod.spec?.containers.length ?? 0) + sidecars.length;
  return [
    pod.metadata.name ?? "",
    `${ready}/${total}`,
    podReason(pod),
    // While it initializes those of its init containers count, then of what runs on.
    restartsText(
      isInitializing(pod)
        ? (pod.status?.initContainerStatuses ?? [])
        : [...statuses, ...sidecarStatuses],
      nowMs,
    ),
    ageOf(pod.metadata.creationTimestamp, nowMs),
    pod.status?.podIP ?? "<none>",
    pod.spec?.nodeName ?? "<none>",
    pod.status?.nominatedNodeName ?? "<none>",
    gatesText(pod),
  ];
}

/** The STATUS column: the most telling of phase, reason and container states. */
export function podReason(pod: Pod): string {
  let reason =
    (isInitializing(pod) ? initReason(pod) : undefined) ??
    containersReason(pod) ??
    initReason(pod) ?? // A sidecar that fails, while all others are well.
    (isGated(pod) ? "SchedulingGated" : undefined) ??
    pod.status?.reason ??
    pod.status?.phase ??
    "Unknown";
  if (pod.metadata.deletionTimestamp !== undefined) {
    if (pod.status?.reason === "NodeLost") reason = "Unknown";
    else if (pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed")
      reason = "Terminating";
  }
  return reason;
}

function isGated({ status }: Pod): boolean {
  return (status?.conditions ?? []).some(
    ({ type, reason }) => type === "PodScheduled" && reason === "SchedulingGated",
  );
}

function isInitializing(pod: Pod): boolean {
  const isDone = (pod.status?.conditions ?? []).some(
    ({ type, status }) => type === "Initialized" && status === "True",
  );
  return !isDone && initReason(pod) !== undefined;
}

function initReason(pod: Pod): string | undefined {
  const inits = pod.spec?.initContainers ?? [];
  for (const [i, status] of (pod.status?.initContainerStatuses ?? []).entries()) {
    const sidecar = inits.find(({ name }) => name === status.name)?.restartPolicy === "Always";
    const { terminated, waiting } = status.state ?? {};
    if (terminated?.exitCode === 0 || (sidecar && status.started)) continue;
    if (terminated) return `Init:${terminated.reason ?? `ExitCode:${terminated.exitCode}`}`;
    if (waiting?.reason && waiting.reason !== "PodInitializing") return `Init:${waiting.reason}`;
    return `Init:${i}/${inits.length}`;
  }
  return undefined;
}

function containersReason(pod: Pod): string | undefined {
  let reason: string | undefined;
  let running = false;
  for (const { state, ready } of (pod.status?.containerStatuses ?? []).toReversed()) {
    if (state?.waiting?.reason) reason = state.waiting.reason;
    else if (state?.terminated) {
      const { reason: why, signal, exitCode } = state.terminated;
      reason = why ?? (signal ? `Signal:${signal}` : `ExitCode:${exitCode}`);
    } else if (ready && state?.running) running = true;
  }
  if (reason === "Completed" && running) {
    const isReady = pod.status?.conditions?.some(
      ({ type, status }) => type === "Ready" && status === "True",
    );
    return isReady ? "Running" : "NotReady";
  }
  return reason;
}

function restartsText(statuses: readonly ContainerStatus[], nowMs: number): string | number {
  const restarts = statuses.reduce((sum, { restartCount }) => sum + restartCount, 0);
  const last = Math.max(
    ...statuses.map(({ lastState }) => Date.parse(lastState?.terminated?.finishedAt ?? "") || 0),
    0,
  );
  return restarts > 0 && last > 0 ? `${restarts} (${humanDuration(nowMs - last)} ago)` : restarts;
}

function gatesText(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (gates.length === 0) return "<none>";
  const open = gates.filter(({ conditionType }) =>
    pod.status?.conditions?.some(({ type, status }) => type === conditionType && status === "True"),
  );
  return `${open.length}/${gates.length}`;
}
