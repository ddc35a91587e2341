import { describe, expect, it } from "vitest";
import type { Pod, PodStatus } from "../../api/gen/core-v1.js";
import type { PodObservation } from "./pod-observation.js";
import { podStatus } from "./pod-status.js";

const CONTEXT = { hostIp: "127.0.0.1", scheme: "process" };
const SECOND_MS = 1_000;

function observe(pod: Pod, nowMs: number, reported: PodStatus | undefined): PodObservation {
  return {
    pod,
    reported,
    nowMs,
    sandbox: { id: "s", ip: "127.64.0.1" },
    containers: [],
    probes: new Map(),
    startFailures: new Map(),
    busy: new Set(),
    volumes: "ready",
    eviction: undefined,
  };
}

describe("podStatus()", () => {
  const pod: Pod = {
    metadata: { name: "a", namespace: "default", uid: "1" },
    spec: { containers: [{ name: "main", image: "none" }] },
  };

  it("keeps the times of what has not changed, though the pod's own status lags behind", () => {
    const first = podStatus(observe(pod, 10 * SECOND_MS, undefined), CONTEXT);
    // The first report has not come back yet, and the second on the clock is another.
    const second = podStatus(observe(pod, 11 * SECOND_MS, first), CONTEXT);
    expect(second).toEqual(first);
    // Now it has, while a later one is on its way.
    const lagging = { ...pod, status: { ...first, startTime: "1970-01-01T00:00:09Z" } };
    expect(podStatus(observe(lagging, 12 * SECOND_MS, second), CONTEXT)).toEqual(first);
  });

  it("goes by the pod's own status where this agent has reported nothing yet", () => {
    const former = podStatus(observe(pod, 10 * SECOND_MS, undefined), CONTEXT);
    const after = podStatus(
      observe({ ...pod, status: former }, 60 * SECOND_MS, undefined),
      CONTEXT,
    );
    expect(after).toEqual(former);
  });

  it("dates a condition anew when its status changes", () => {
    const before = podStatus(
      { ...observe(pod, 10 * SECOND_MS, undefined), sandbox: undefined },
      CONTEXT,
    );
    const after = podStatus(observe(pod, 20 * SECOND_MS, before), CONTEXT);
    const timeOf = (status: PodStatus, wanted: string): string | undefined =>
      status.conditions?.find(({ type }) => type === wanted)?.lastTransitionTime;
    expect(timeOf(after, "PodReadyToStartContainers")).toBe("1970-01-01T00:00:20Z");
    expect(timeOf(after, "Initialized")).toBe("1970-01-01T00:00:10Z");
  });
});
