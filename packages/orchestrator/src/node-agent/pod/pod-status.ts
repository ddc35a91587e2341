/**
 * The status that the node reports for a pod, from what is observed: phase, conditions and one
 * status per container, as the kubelet computes them (pod lifecycle documentation; KEP-3085 for
 * PodReadyToStartContainers). Pure; `previous` only keeps transition times.
 */
import type {
  Container,
  ContainerState as ApiContainerState,
  ContainerStateTerminated,
  ContainerStatus,
  PodCondition,
  PodStatus,
} from "../../api/gen/core-v1.js";
import { qosClass } from "../../api/pod-qos.js";
import type { ContainerState } from "../runtime/runtime.js";
import { initFailure, isInitialized, mayRestart } from "./pod-lifecycle.js";
import { attemptsOf, isSidecar, type PodObservation } from "./pod-observation.js";
import { restartDelayMs } from "./restart-backoff.js";
import { timeText } from "../../api/meta/time-text.js";

export interface PodStatusContext {
  readonly hostIp: string;
  /** Prefix of container ids, as `process` in `process://…`. */
  readonly scheme: string;
}

export function podStatus(observation: PodObservation, context: PodStatusContext): PodStatus {
  const { pod, reported, sandbox, eviction } = observation;
  const spec = pod.spec;
  const initialized = isInitialized(observation);
  const containerStatuses = (spec?.containers ?? []).map((container) =>
    containerStatus(observation, container, { context, initializing: !initialized }),
  );
  const initContainerStatuses = (spec?.initContainers ?? []).map((container) =>
    containerStatus(observation, container, { context, initializing: true }),
  );
  const phase = podPhase(observation, initialized);
  const conditions = podConditions(observation, { phase, initialized, containerStatuses });
  const reason = eviction?.reason ?? pod.status?.reason;
  const message = eviction?.message ?? pod.status?.message;
  return {
    ...(pod.metadata.generation === undefined
      ? {}
      : { observedGeneration: pod.metadata.generation }),
    phase,
    conditions,
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
    hostIP: context.hostIp,
    hostIPs: [{ ip: context.hostIp }],
    ...(sandbox ? { podIP: sandbox.ip, podIPs: [{ ip: sandbox.ip }] } : {}),
    startTime: (reported ?? pod.status)?.startTime ?? timeText(observation.nowMs),
    ...(initContainerStatuses.length > 0 ? { initContainerStatuses } : {}),
    containerStatuses,
    qosClass: pod.status?.qosClass ?? qosClass(pod),
  };
}

function podPhase(observation: PodObservation, initialized: boolean): string {
  const { pod, eviction } = observation;
  const decided = pod.status?.phase;
  if (decided === "Succeeded" || decided === "Failed") return decided;
  if (eviction || initFailure(observation)) return "Failed";
  const states = (pod.spec?.containers ?? []).map(
    ({ name }) => attemptsOf(observation, name).current,
  );
  const ended = states.filter((state) => state?.phase === "exited");
  if (states.length > 0 && ended.length === states.length) {
    const stopping = pod.metadata.deletionTimestamp !== undefined;
    const final = stopping || ended.every((state) => state && !mayRestart(pod, state));
    if (final) return ended.every((state) => state?.exitCode === 0) ? "Succeeded" : "Failed";
    return "Running";
  }
  if (!initialized) return "Pending";
  // Running only when each has been started once (the kubelet's getPhase).
  return states.every((state) => state?.startedAtMs !== undefined) ? "Running" : "Pending";
}

interface StatusPlace {
  readonly context: PodStatusContext;
  /** What it waits for, where it has not run yet. */
  readonly initializing: boolean;
}

function containerStatus(
  observation: PodObservation,
  container: Container,
  { context, initializing }: StatusPlace,
): ContainerStatus {
  const { current, previous } = attemptsOf(observation, container.name);
  const probes = current ? observation.probes.get(current.id) : undefined;
  const running = current?.phase === "running";
  const state = presentState(observation, container, { current, initializing, context });
  const isInit = observation.pod.spec?.initContainers?.includes(container) ?? false;
  const doneInit = isInit && !isSidecar(container) && state.terminated?.exitCode === 0;
  const last = state.terminated || running ? previous : (currentIfEnded(current) ?? previous);
  return {
    name: container.name,
    state,
    lastState: last ? { terminated: terminated(last, context) } : {},
    ready: doneInit || (running && probes?.ready === true),
    restartCount: current?.attempt ?? 0,
    image: container.image ?? "",
    imageID: "",
    ...(current && current.startedAtMs !== undefined
      ? { containerID: `${context.scheme}://${current.id}` }
      : {}),
    started: running && probes?.started === true,
  };
}

function currentIfEnded(current: ContainerState | undefined): ContainerState | undefined {
  return current?.phase === "exited" ? current : undefined;
}

function presentState(
  observation: PodObservation,
  container: Container,
  place: StatusPlace & { readonly current: ContainerState | undefined },
): ApiContainerState {
  const { current, context } = place;
  if (current?.phase === "running") {
    return { running: { startedAt: timeText(current.startedAtMs ?? 0) } };
  }
  const failure = observation.startFailures.get(container.name);
  if (failure) return { waiting: { reason: failure.reason, message: failure.message } };
  if (current?.phase === "exited") {
    const backoff = crashLoop(observation, container, current);
    return backoff ?? { terminated: terminated(current, context) };
  }
  if (typeof observation.volumes === "object") {
    return { waiting: { reason: "ContainerCreating", message: observation.volumes.message } };
  }
  const blocked = place.initializing && (observation.pod.spec?.initContainers?.length ?? 0) > 0;
  return { waiting: { reason: blocked ? "PodInitializing" : "ContainerCreating" } };
}

/** The waiting state between an end and the restart that will follow it. */
function crashLoop(
  observation: PodObservation,
  container: Container,
  ended: ContainerState,
): ApiContainerState | undefined {
  const { pod, nowMs } = observation;
  if (pod.metadata.deletionTimestamp !== undefined || observation.eviction) return undefined;
  const isInit = pod.spec?.initContainers?.includes(container) ?? false;
  const again = isSidecar(container) || (isInit ? ended.exitCode !== 0 : mayRestart(pod, ended));
  if (!again || initFailure(observation)) return undefined;
  const delayMs = restartDelayMs(ended);
  if (delayMs === 0 || nowMs >= (ended.finishedAtMs ?? 0) + delayMs) return undefined;
  const { name, namespace, uid } = pod.metadata;
  return {
    waiting: {
      reason: "CrashLoopBackOff",
      message:
        `back-off ${durationText(delayMs)} restarting failed container=${container.name} ` +
        `pod=${name}_${namespace}(${uid})`,
    },
  };
}

function terminated(state: ContainerState, context: PodStatusContext): ContainerStateTerminated {
  return {
    exitCode: state.exitCode ?? 137,
    reason: state.reason ?? "Error",
    ...(state.message === undefined ? {} : { message: state.message }),
    ...(state.startedAtMs === undefined ? {} : { startedAt: timeText(state.startedAtMs) }),
    ...(state.finishedAtMs === undefined ? {} : { finishedAt: timeText(state.finishedAtMs) }),
    containerID: `${context.scheme}://${state.id}`,
  };
}

interface ConditionInput {
  readonly phase: string;
  readonly initialized: boolean;
  readonly containerStatuses: readonly ContainerStatus[];
}

function podConditions(observation: PodObservation, input: ConditionInput): PodCondition[] {
  const { pod, sandbox } = observation;
  const done = input.phase === "Succeeded" || input.phase === "Failed";
  const unready = input.containerStatuses.filter(({ ready }) => !ready).map(({ name }) => name);
  const why = done
    ? { reason: "PodCompleted" }
    : {
        reason: "ContainersNotReady",
        message: `containers with unready status: [${unready.join(" ")}]`,
      };
  const ready = !done && unready.length === 0;
  const gates = pod.spec?.readinessGates ?? [];
  const gatesOpen = gates.every(({ conditionType }) =>
    pod.status?.conditions?.some(({ type, status }) => type === conditionType && status === "True"),
  );
  const own: Omit<PodCondition, "lastTransitionTime">[] = [
    { type: "PodReadyToStartContainers", status: bool(sandbox !== undefined && !done) },
    input.initialized
      ? { type: "Initialized", status: "True", ...(done ? { reason: "PodCompleted" } : {}) }
      : { type: "Initialized", status: "False", ...uninitialized(observation) },
    ready && gatesOpen
      ? { type: "Ready", status: "True" }
      : { type: "Ready", status: "False", ...(ready ? gatesClosed() : why) },
    ready
      ? { type: "ContainersReady", status: "True" }
      : { type: "ContainersReady", status: "False", ...why },
  ];
  const before = (observation.reported ?? pod.status)?.conditions ?? [];
  const now = timeText(observation.nowMs);
  return own.map((condition) => {
    const old = before.find(({ type }) => type === condition.type);
    const time = old?.status === condition.status ? (old.lastTransitionTime ?? now) : now;
    return { ...condition, lastTransitionTime: time };
  });
}

function uninitialized(observation: PodObservation): { reason: string; message: string } {
  const pending = (observation.pod.spec?.initContainers ?? [])
    .filter(({ name }) => attemptsOf(observation, name).current?.exitCode !== 0)
    .map(({ name }) => name);
  return {
    reason: "ContainersNotInitialized",
    message: `containers with incomplete status: [${pending.join(" ")}]`,
  };
}

function gatesClosed(): { reason: string; message: string } {
  return {
    reason: "ReadinessGatesNotReady",
    message: "corresponding condition of pod readiness gate does not exist or is not True",
  };
}

function bool(value: boolean): string {
  return value ? "True" : "False";
}

/** Go's time.Duration text of a whole number of seconds: 10s, 1m20s, 5m0s. */
function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
