/**
 * What to do next for one pod: a pure function of what is observed, so that an agent that comes
 * back after a crash goes on from the same point. Its rules are the kubelet's:
 *
 *   sandbox ▶ volumes ▶ init containers one by one (sidecars: started, then the next) ▶ all others
 *   a container that ended starts again by restart policy and backoff
 *   deletion, eviction, deadline: stop all (main ones first, sidecars last, in reverse) ▶ teardown
 *
 * It decides; the worker acts. Nothing is planned for a container that is busy.
 */
import type { Container, Pod } from "../../api/gen/core-v1.js";
import type { ContainerState } from "../runtime/runtime.js";
import {
  attemptsOf,
  hasRun,
  isSidecar,
  isTerminating,
  type PodObservation,
} from "./pod-observation.js";
import { restartDelayMs, startFailureDelayMs } from "./restart-backoff.js";

export type PodAction =
  | { readonly kind: "run-sandbox" }
  | { readonly kind: "prepare-volumes" }
  | {
      readonly kind: "start-container";
      readonly container: Container;
      readonly attempt: number;
      readonly previous: ContainerState | undefined;
    }
  | {
      readonly kind: "stop-container";
      readonly container: Container;
      readonly containerId: string;
      readonly graceMs: number;
      readonly message: string;
    }
  /** All containers of a pod that must go have ended. */
  | { readonly kind: "teardown" };

export interface PodPlan {
  readonly actions: readonly PodAction[];
  /** When to plan again even if nothing happens: a backoff or deadline that ends. */
  readonly wakeAtMs: number | undefined;
}

export const DEFAULT_GRACE_SECONDS = 30;

export function planPod(observation: PodObservation): PodPlan {
  const { pod } = observation;
  if (isTerminating(pod)) return planEnd(observation);
  // The object, and with it its logs, stays until somebody deletes it.
  if (observation.eviction || isDone(observation)) return withoutTeardown(planEnd(observation));
  if (!observation.sandbox) return plan([{ kind: "run-sandbox" }]);
  if (observation.volumes !== "ready") return plan([{ kind: "prepare-volumes" }]);
  const wakes: number[] = [];
  const actions = planContainers(observation, wakes);
  const deadlineMs = activeDeadlineMs(pod);
  if (deadlineMs !== undefined) wakes.push(deadlineMs);
  return { actions, wakeAtMs: wakes.length > 0 ? Math.min(...wakes) : undefined };
}

/** When spec.activeDeadlineSeconds ends the pod; undefined where it sets no limit. */
export function activeDeadlineMs(pod: Pod): number | undefined {
  const seconds = pod.spec?.activeDeadlineSeconds;
  const start = pod.status?.startTime;
  if (seconds === undefined || start === undefined) return undefined;
  return Date.parse(start) + seconds * 1000;
}

/** Every main container has ended and none will start again: the pod's phase is final. */
export function isDone(observation: PodObservation): boolean {
  const { pod } = observation;
  if (pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed") return true;
  if (initFailure(observation)) return true;
  const containers = pod.spec?.containers ?? [];
  return (
    containers.length > 0 &&
    containers.every((container) => {
      const { current } = attemptsOf(observation, container.name);
      return current?.phase === "exited" && !mayRestart(pod, current);
    })
  );
}

/** The init container that ended the pod: it failed, and the policy is Never. */
export function initFailure(observation: PodObservation): ContainerState | undefined {
  if (observation.pod.spec?.restartPolicy !== "Never") return undefined;
  for (const container of observation.pod.spec.initContainers ?? []) {
    if (isSidecar(container)) continue;
    const { current } = attemptsOf(observation, container.name);
    if (current?.phase === "exited" && current.exitCode !== 0) return current;
  }
  return undefined;
}

/** Whether all init containers have done their part, so that the main ones may run. */
export function isInitialized(observation: PodObservation): boolean {
  return nextInitContainer(observation) === undefined;
}

export function mayRestart(pod: Pod, ended: ContainerState): boolean {
  switch (pod.spec?.restartPolicy) {
    case "Never":
      return false;
    case "OnFailure":
      return ended.exitCode !== 0;
    default:
      return true;
  }
}

function plan(actions: readonly PodAction[]): PodPlan {
  return { actions, wakeAtMs: undefined };
}

function nextInitContainer(observation: PodObservation): Container | undefined {
  // Once a main container has run, init containers are over, also when they are gone.
  if (mainStarted(observation)) return undefined;
  return (observation.pod.spec?.initContainers ?? []).find((container) => {
    const { current } = attemptsOf(observation, container.name);
    if (!isSidecar(container)) return !(current?.phase === "exited" && current.exitCode === 0);
    return !(current?.phase === "running" && observation.probes.get(current.id)?.started === true);
  });
}

function mainStarted(observation: PodObservation): boolean {
  const names = new Set(observation.pod.spec?.containers.map(({ name }) => name));
  return observation.containers.some((one) => names.has(one.name) && hasRun(one));
}

function planContainers(observation: PodObservation, wakes: number[]): PodAction[] {
  const { pod } = observation;
  const pendingInit = nextInitContainer(observation);
  const actions: PodAction[] = [];
  for (const container of pod.spec?.initContainers ?? []) {
    // Sidecars that are up already are kept up; of the rest only the next in line is started.
    if (container === pendingInit || isSidecar(container)) {
      actions.push(...planContainer(observation, container, wakes));
    }
    if (container === pendingInit) return actions;
  }
  for (const container of pod.spec?.containers ?? []) {
    actions.push(...planContainer(observation, container, wakes));
  }
  return actions;
}

function planContainer(
  observation: PodObservation,
  container: Container,
  wakes: number[],
): PodAction[] {
  if (observation.busy.has(container.name)) return [];
  const { current } = attemptsOf(observation, container.name);
  const start = (attempt: number): PodAction[] => [
    { kind: "start-container", container, attempt, previous: current },
  ];
  const failure = observation.startFailures.get(container.name);
  if (failure) {
    const readyAtMs = failure.atMs + startFailureDelayMs(failure.count, failure.reason);
    if (observation.nowMs < readyAtMs) {
      wakes.push(readyAtMs);
      return [];
    }
  }
  if (!current) return start(0);
  if (current.phase === "running") {
    const unhealthy = observation.probes.get(current.id)?.unhealthy;
    return unhealthy === undefined
      ? []
      : [stop(observation.pod, container, { containerId: current.id, message: unhealthy })];
  }
  return planRestart(observation, { container, ended: current, wakes });
}

function planRestart(
  observation: PodObservation,
  { container, ended, wakes }: { container: Container; ended: ContainerState; wakes: number[] },
): PodAction[] {
  const isInit = observation.pod.spec?.initContainers?.includes(container) ?? false;
  const again = isSidecar(container)
    ? true
    : isInit
      ? ended.exitCode !== 0
      : mayRestart(observation.pod, ended);
  if (!again) return [];
  const readyAtMs = (ended.finishedAtMs ?? 0) + restartDelayMs(ended);
  if (observation.nowMs < readyAtMs) {
    wakes.push(readyAtMs);
    return [];
  }
  return [{ kind: "start-container", container, attempt: ended.attempt + 1, previous: ended }];
}

/** Main containers together, then sidecars one by one in reverse order of their start. */
function planEnd(observation: PodObservation): PodPlan {
  const { pod } = observation;
  const inits = pod.spec?.initContainers ?? [];
  const first = [...(pod.spec?.containers ?? []), ...inits.filter((init) => !isSidecar(init))];
  const waves = [
    first,
    ...inits
      .filter(isSidecar)
      .toReversed()
      .map((sidecar) => [sidecar]),
  ];
  for (const wave of waves) {
    const alive = wave.flatMap((container) => {
      const { current } = attemptsOf(observation, container.name);
      return current && current.phase !== "exited" ? [{ container, current }] : [];
    });
    const busy = wave.some(({ name }) => observation.busy.has(name));
    if (alive.length === 0 && !busy) continue;
    return plan(
      alive
        .filter(({ container }) => !observation.busy.has(container.name))
        .map(({ container, current }) =>
          stop(pod, container, { containerId: current.id, message: "" }),
        ),
    );
  }
  return plan([{ kind: "teardown" }]);
}

function withoutTeardown({ actions }: PodPlan): PodPlan {
  return plan(actions.filter((action) => action.kind === "stop-container"));
}

function stop(
  pod: Pod,
  container: Container,
  { containerId, message }: { containerId: string; message: string },
): PodAction {
  const graceSeconds =
    (message === "" ? undefined : container.livenessProbe?.terminationGracePeriodSeconds) ??
    pod.metadata.deletionGracePeriodSeconds ??
    pod.spec?.terminationGracePeriodSeconds ??
    DEFAULT_GRACE_SECONDS;
  return {
    kind: "stop-container",
    container,
    containerId,
    graceMs: graceSeconds * 1000,
    message,
  };
}
