/**
 * When a container that ended may start again: at once the first time, then after 10 s, doubled
 * each time up to 5 min; back to the beginning after 10 min of running (the kubelet's rule). The
 * present step rides on the container itself as an annotation, so it survives the agent.
 */
import type { ContainerState } from "../runtime/runtime.js";

export const BACKOFF_ANNOTATION = "sagong.dev/restart-backoff-ms";

const FIRST_MS = 10_000;
export const BACKOFF_MAX_MS = 300_000;
const RESET_AFTER_MS = 600_000;

/** The delay that holds from the end of `ended` to its next start. */
export function restartDelayMs(ended: ContainerState): number {
  if (ranLongEnough(ended)) return 0;
  const recorded = Number(ended.annotations[BACKOFF_ANNOTATION] ?? "0");
  return Number.isFinite(recorded) ? recorded : 0;
}

/** What the attempt after `ended` carries; undefined: it is the first attempt. */
export function nextBackoffMs(ended: ContainerState | undefined): number {
  if (!ended) return 0;
  return Math.min(Math.max(FIRST_MS, restartDelayMs(ended) * 2), BACKOFF_MAX_MS);
}

/**
 * The delay after `failures` starts in a row that failed before there was a process. One that only
 * lacks its configuration is tried every ten seconds: what it names may be made at any moment.
 */
export function startFailureDelayMs(failures: number, reason = ""): number {
  if (reason === "CreateContainerConfigError") return FIRST_MS;
  return Math.min(FIRST_MS * 2 ** Math.max(0, failures - 1), BACKOFF_MAX_MS);
}

function ranLongEnough({ startedAtMs, finishedAtMs }: ContainerState): boolean {
  return (
    startedAtMs !== undefined &&
    finishedAtMs !== undefined &&
    finishedAtMs - startedAtMs >= RESET_AFTER_MS
  );
}
