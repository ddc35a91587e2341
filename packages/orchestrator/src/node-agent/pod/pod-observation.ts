/** What the agent knows of one pod when it plans: the input of planning and of status. */
import type { Container, Pod, PodStatus } from "../../api/gen/core-v1.js";
import type { ContainerState } from "../runtime/runtime.js";

export interface PodObservation {
  readonly pod: Pod;
  /**
   * What this agent reported last: times of changes go by it. The pod's own status is one write or
   * more behind; two reports would take turns with each other's times for ever.
   */
  readonly reported: PodStatus | undefined;
  readonly nowMs: number;
  readonly sandbox: { readonly id: string; readonly ip: string } | undefined;
  /** Every attempt that the runtime still knows, of all containers of this pod. */
  readonly containers: readonly ContainerState[];
  /** By container id: what its probes say. A container without an entry has not been probed. */
  readonly probes: ReadonlyMap<string, ProbeResults>;
  /** By container name: a start that failed before there was a process. */
  readonly startFailures: ReadonlyMap<string, StartFailure>;
  /** Container names with a start or stop under way. */
  readonly busy: ReadonlySet<string>;
  /** The volumes are there; or why not. */
  readonly volumes: "pending" | "ready" | { readonly message: string };
  /** Why the agent itself ends the pod, whatever the API says. */
  readonly eviction: { readonly reason: string; readonly message: string } | undefined;
}

export interface ProbeResults {
  /** The startup probe has passed, or there is none. */
  readonly started: boolean;
  /** The readiness probe passes, or there is none. */
  readonly ready: boolean;
  /** Set once a liveness or startup probe has failed for good: the container must go. */
  readonly unhealthy: string | undefined;
}

export interface StartFailure {
  readonly reason: string;
  readonly message: string;
  readonly atMs: number;
  /** How many starts have failed in a row. */
  readonly count: number;
}

export interface Attempts {
  readonly current: ContainerState | undefined;
  readonly previous: ContainerState | undefined;
}

/**
 * Whether there was a process. Where an agent ended, or a start failed, before there was one, the
 * container is as if it had not been made: it does not count as an attempt.
 */
export function hasRun({ startedAtMs }: ContainerState): boolean {
  return startedAtMs !== undefined;
}

/** The latest two attempts of the container `name`. */
export function attemptsOf(observation: PodObservation, name: string): Attempts {
  let current: ContainerState | undefined;
  let previous: ContainerState | undefined;
  for (const container of observation.containers) {
    if (container.name !== name || !hasRun(container)) continue;
    if (!current || container.attempt > current.attempt) {
      previous = current;
      current = container;
    } else if (!previous || container.attempt > previous.attempt) {
      previous = container;
    }
  }
  return { current, previous };
}

/** KEP-753: an init container that runs beside the others for the pod's whole life. */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === "Always";
}

export function isTerminating(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}
