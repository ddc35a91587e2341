import { describe, expect, it } from "vitest";
import type { Container, Pod } from "../../api/gen/core-v1.js";
import type { ContainerState } from "../runtime/runtime.js";
import { type PodAction, planPod } from "./pod-lifecycle.js";
import type { PodObservation } from "./pod-observation.js";
import { podStatus } from "./pod-status.js";
import { BACKOFF_ANNOTATION } from "./restart-backoff.js";

const NOW = 1_000_000;
const NAMES = ["a", "b"];

interface PodTraits {
  readonly restartPolicy?: string;
  readonly inits?: readonly Container[];
  readonly going?: boolean;
  readonly grace?: number;
}

function pod({
  restartPolicy = "Always",
  inits = [],
  going = false,
  grace = 30,
}: PodTraits = {}): Pod {
  return {
    metadata: {
      name: "p",
      namespace: "ns",
      uid: "u",
      ...(going ? { deletionTimestamp: "now", deletionGracePeriodSeconds: grace } : {}),
    },
    spec: {
      restartPolicy,
      initContainers: [...inits],
      containers: NAMES.map((name) => ({ name })),
    },
  };
}

function state(name: string, more: Partial<ContainerState> = {}): ContainerState {
  const { attempt = 0 } = more;
  return {
    id: `${name}-${attempt}`,
    sandboxId: "s",
    name,
    attempt,
    image: "",
    phase: "running",
    createdAtMs: NOW - 5_000,
    startedAtMs: NOW - 5_000,
    finishedAtMs: undefined,
    exitCode: undefined,
    reason: undefined,
    message: undefined,
    logPath: "",
    annotations: { [BACKOFF_ANNOTATION]: "0" },
    ...more,
  };
}

const exited = (name: string, exitCode: number, more: Partial<ContainerState> = {}) =>
  state(name, { phase: "exited", exitCode, finishedAtMs: NOW - 1_000, ...more });

function observe(
  of: Pod,
  containers: readonly ContainerState[],
  more: Partial<PodObservation> = {},
) {
  const observation: PodObservation = {
    pod: of,
    reported: undefined,
    nowMs: NOW,
    sandbox: { id: "s", ip: "127.64.0.1" },
    containers,
    probes: new Map(),
    startFailures: new Map(),
    busy: new Set(),
    volumes: "ready",
    eviction: undefined,
    ...more,
  };
  return observation;
}

function textOf(action: PodAction): string {
  switch (action.kind) {
    case "start-container":
      return `start ${action.container.name} ${action.attempt}`;
    case "stop-container":
      return `stop ${action.containerId} in ${action.graceMs / 1000}s`;
    default:
      return action.kind;
  }
}

const plan = (...input: Parameters<typeof observe>): string[] =>
  planPod(observe(...input)).actions.map(textOf);
const phaseOf = (...input: Parameters<typeof observe>): string | undefined =>
  podStatus(observe(...input), { hostIp: "127.0.0.1", scheme: "process" }).phase;

describe("planPod()", () => {
  it("goes by sandbox, volumes, containers", () => {
    expect(plan(pod(), [], { sandbox: undefined })).toEqual(["run-sandbox"]);
    expect(plan(pod(), [], { volumes: "pending" })).toEqual(["prepare-volumes"]);
    expect(plan(pod(), [])).toEqual(["start a 0", "start b 0"]);
    expect(plan(pod(), [state("a")], { busy: new Set(["b"]) })).toEqual([]);
    expect(plan(pod(), [state("a"), state("b")])).toEqual([]);
  });

  it.each<[string, number, string[]]>([
    ["Always", 0, ["start a 1"]],
    ["Always", 1, ["start a 1"]],
    ["OnFailure", 0, []],
    ["OnFailure", 1, ["start a 1"]],
    ["Never", 1, []],
  ])("under %s, after exit code %i, does %j", (restartPolicy, code, wanted) => {
    expect(plan(pod({ restartPolicy }), [exited("a", code), state("b")])).toEqual(wanted);
  });

  it("waits out the backoff from the end on, and wakes for its end", () => {
    const crashed = exited("a", 1, { annotations: { [BACKOFF_ANNOTATION]: "10000" } });
    const waiting = planPod(observe(pod(), [crashed, state("b")]));
    expect(waiting).toEqual({ actions: [], wakeAtMs: NOW + 9_000 });
    expect(plan(pod(), [crashed, state("b")], { nowMs: NOW + 9_000 })).toEqual(["start a 1"]);
  });

  it("does not count a container as started whose process never came to be", () => {
    const left = { phase: "created", startedAtMs: undefined } as const;
    const lost = { startedAtMs: undefined, exitCode: 137, reason: "ContainerStatusUnknown" };
    const never = pod({ restartPolicy: "Never" });
    expect(plan(never, [state("a", left), exited("b", 0, lost)])).toEqual([
      "start a 0",
      "start b 0",
    ]);
    const failed = exited("a", 1);
    expect(plan(pod(), [failed, state("a", { ...left, attempt: 1 }), state("b")])).toEqual([
      "start a 1",
    ]);
  });

  it("tries a start that failed again only after a while", () => {
    const failure = { reason: "RunContainerError", message: "no", atMs: NOW - 1_000, count: 2 };
    const startFailures = new Map([["a", failure]]);
    const waiting = planPod(observe(pod(), [state("b")], { startFailures }));
    expect(waiting).toEqual({ actions: [], wakeAtMs: NOW + 19_000 });
    expect(plan(pod(), [state("b")], { startFailures, nowMs: NOW + 19_000 })).toEqual([
      "start a 0",
    ]);
  });

  it("restarts what its probes find unhealthy", () => {
    const unhealthy = { started: true, ready: false, unhealthy: "failed liveness probe" };
    const probes = new Map([["a-0", unhealthy]]);
    expect(plan(pod(), [state("a"), state("b")], { probes })).toEqual(["stop a-0 in 30s"]);
  });

  const side: Container = { name: "side", restartPolicy: "Always" };
  const inits: Container[] = [{ name: "i1" }, side, { name: "i2" }];
  const up = new Map([["side-0", { started: true, ready: true, unhealthy: undefined }]]);

  it("runs init containers one by one, and past a sidecar once that has started", () => {
    const of = pod({ inits });
    expect(plan(of, [])).toEqual(["start i1 0"]);
    expect(plan(of, [exited("i1", 1)])).toEqual(["start i1 1"]);
    expect(plan(of, [exited("i1", 0)])).toEqual(["start side 0"]);
    expect(plan(of, [exited("i1", 0), state("side")])).toEqual([]);
    expect(plan(of, [exited("i1", 0), state("side")], { probes: up })).toEqual(["start i2 0"]);
    const done = [exited("i1", 0), state("side"), exited("i2", 0)];
    expect(plan(of, done, { probes: up })).toEqual(["start a 0", "start b 0"]);
  });

  it("does not go back to init containers once the others have run", () => {
    const of = pod({ inits: [{ name: "i1" }] });
    expect(plan(of, [exited("i1", 1), state("a"), state("b")])).toEqual([]);
  });

  it("ends main containers together, then sidecars, then the pod", () => {
    const of = pod({ inits, going: true, grace: 7 });
    const all = [exited("i1", 0), state("side"), state("a"), state("b")];
    expect(plan(of, all)).toEqual(["stop a-0 in 7s", "stop b-0 in 7s"]);
    const half = [state("side"), exited("a", 0), state("b")];
    expect(plan(of, half, { busy: new Set(["b"]) })).toEqual([]);
    expect(plan(of, [state("side"), exited("a", 0), exited("b", 0)])).toEqual([
      "stop side-0 in 7s",
    ]);
    expect(plan(of, [exited("side", 0), exited("a", 0), exited("b", 0)])).toEqual(["teardown"]);
  });

  it("ends sidecars of a pod that is done, and keeps the pod until it is deleted", () => {
    const of = pod({ inits: [side], restartPolicy: "Never" });
    const done = [exited("a", 0), exited("b", 0)];
    expect(plan(of, [state("side"), ...done])).toEqual(["stop side-0 in 30s"]);
    expect(plan(of, [exited("side", 0), ...done])).toEqual([]);
  });

  it("ends an evicted pod, and keeps it until it is deleted", () => {
    const eviction = { reason: "DeadlineExceeded", message: "too long" };
    expect(plan(pod(), [state("a"), state("b")], { eviction })).toEqual([
      "stop a-0 in 30s",
      "stop b-0 in 30s",
    ]);
    expect(plan(pod(), [exited("a", 143), exited("b", 143)], { eviction })).toEqual([]);
    expect(phaseOf(pod(), [exited("a", 143), exited("b", 143)], { eviction })).toBe("Failed");
  });
});

describe("podStatus() phase", () => {
  const never = pod({ restartPolicy: "Never" });
  it.each<[string, Pod, readonly ContainerState[]]>([
    ["Pending", pod(), []],
    ["Pending", pod(), [state("a")]],
    ["Running", pod(), [state("a"), state("b")]],
    ["Running", pod(), [exited("a", 1), exited("b", 1)]], // Both will be started again.
    ["Succeeded", never, [exited("a", 0), exited("b", 0)]],
    ["Failed", never, [exited("a", 0), exited("b", 2)]],
    ["Running", never, [exited("a", 0), state("b")]],
    ["Failed", pod({ going: true }), [exited("a", 0), exited("b", 137)]],
    ["Failed", { ...pod(), status: { phase: "Failed" } }, [state("a"), state("b")]],
  ])("is %s", (phase, of, containers) => {
    expect(phaseOf(of, containers)).toBe(phase);
  });
});
