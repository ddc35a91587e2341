import { describe, expect, it } from "vitest";
import type { ReplicaSet } from "../../api/gen/apps-v1.js";
import type { Pod } from "../../api/gen/core-v1.js";
import { planReplicaSet, withFailure } from "./plan.js";

const NOW = Date.parse("2026-01-01T01:00:00Z");

function replicaSet(replicas: number, more: Partial<ReplicaSet["metadata"]> = {}): ReplicaSet {
  return {
    metadata: { name: "rs", uid: "rs", generation: 4, ...more },
    spec: {
      replicas,
      minReadySeconds: 30,
      selector: { matchLabels: { app: "a" } },
      template: { metadata: { labels: { app: "a", tier: "t" } } },
    },
  };
}

function pod(
  name: string,
  more: { readyForMs?: number; phase?: string; going?: boolean } = {},
): Pod {
  const { readyForMs, phase = "Running", going = false } = more;
  const since = new Date(NOW - (readyForMs ?? 0)).toISOString();
  return {
    metadata: { name, labels: { app: "a" }, ...(going ? { deletionTimestamp: since } : {}) },
    spec: { nodeName: "n", containers: [] },
    status: {
      phase,
      conditions:
        readyForMs === undefined
          ? []
          : [{ type: "Ready", status: "True", lastTransitionTime: since }],
    },
  };
}

const plan = (set: ReplicaSet, pods: readonly Pod[]) =>
  planReplicaSet({ replicaSet: set, pods, related: pods, nowMs: NOW });

describe("planReplicaSet()", () => {
  it("makes what is missing, not counting pods that end or have ended", () => {
    const pods = [pod("a"), pod("b", { going: true }), pod("c", { phase: "Failed" })];
    expect(plan(replicaSet(3), pods)).toMatchObject({ create: 2, remove: [] });
  });

  it("drops the surplus in deletion order", () => {
    const pods = [pod("a", { readyForMs: 1 }), pod("b"), pod("c", { readyForMs: 2 })];
    const { create, remove } = plan(replicaSet(2), pods);
    expect([create, remove.map(({ metadata }) => metadata.name)]).toEqual([0, ["b"]]);
  });

  it("makes and drops 500 at once at most", () => {
    expect(plan(replicaSet(2_000), []).create).toBe(500);
    const pods = Array.from({ length: 700 }, (_, i) => pod(`p${i}`));
    expect(plan(replicaSet(0), pods).remove).toHaveLength(500);
  });

  it("does nothing for a replica set that is being deleted", () => {
    const going = replicaSet(3, { deletionTimestamp: "2026-01-01T00:00:00Z" });
    expect(plan(going, [])).toMatchObject({ create: 0, remove: [] });
  });

  it("counts ready pods as available after minReadySeconds, and wakes for the next", () => {
    const pods = [
      pod("a", { readyForMs: 40_000 }),
      pod("b", { readyForMs: 10_000 }),
      pod("c", { readyForMs: 20_000 }),
      pod("d"),
    ];
    const { status, wakeAtMs } = plan(replicaSet(4), pods);
    expect(status).toEqual({
      replicas: 4,
      readyReplicas: 3,
      availableReplicas: 1,
      observedGeneration: 4, // And no fullyLabeledReplicas: the pods lack a label of the template.
    });
    expect(wakeAtMs).toBe(NOW + 10_000);
  });
});

describe("withFailure()", () => {
  it("tells a failure once, keeps its first words, and takes it back", () => {
    const set = replicaSet(1);
    const failure = { reason: "FailedCreate", message: "quota" } as const;
    const told = withFailure({ replicaSet: set, nowMs: NOW }, { replicas: 0 }, failure);
    expect(told.conditions).toMatchObject([{ type: "ReplicaFailure", status: "True", ...failure }]);
    const before = { ...set, status: told };
    const again = { ...failure, message: "other words" };
    const place = { replicaSet: before, nowMs: NOW + 5_000 };
    expect(withFailure(place, { replicas: 0 }, again).conditions).toEqual(told.conditions);
    expect(withFailure(place, { replicas: 0 }, undefined)).toEqual({ replicas: 0 });
  });
});
