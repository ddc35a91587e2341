import { describe, expect, it } from "vitest";
import type { Deployment, DeploymentCondition, ReplicaSet } from "../../api/gen/apps-v1.js";
import { type DeploymentAction, type DeploymentPlan, planDeployment } from "./plan.js";
import {
  DESIRED_ANNOTATION,
  HISTORY_ANNOTATION,
  MAX_ANNOTATION,
  nameOf,
  REVISION_ANNOTATION,
} from "./revision.js";

const NOW = Date.parse("2026-01-01T01:00:00Z");
/** Sized for two replicas, of which the default surge allows one more. */
const SIZED = { [DESIRED_ANNOTATION]: "2", [MAX_ANNOTATION]: "3" };

function deployment(
  version: number,
  spec: Partial<NonNullable<Deployment["spec"]>> = {},
  more: Partial<Deployment> = {},
): Deployment {
  return {
    metadata: { name: "web", namespace: "default", uid: "web", generation: 7 },
    ...more,
    spec: {
      replicas: 2,
      progressDeadlineSeconds: 600,
      selector: { matchLabels: { app: "web" } },
      template: template(version),
      ...spec,
    },
  };
}

const template = (version: number) => ({ metadata: { annotations: { version: `${version}` } } });

interface SetOptions {
  readonly size?: number;
  readonly revision?: number;
  readonly annotations?: Record<string, string>;
  readonly conditions?: NonNullable<ReplicaSet["status"]>["conditions"];
}

function replicaSet(version: number, options: SetOptions = {}): ReplicaSet {
  const { size = 0, revision = version, annotations = {}, conditions } = options;
  return {
    metadata: {
      name: `web-${version}`,
      uid: `rs-${version}`,
      creationTimestamp: new Date(version * 1000).toISOString(),
      annotations: { [REVISION_ANNOTATION]: `${revision}`, ...SIZED, ...annotations },
    },
    spec: { replicas: size, selector: {}, template: template(version) },
    status: {
      replicas: size,
      readyReplicas: size,
      availableReplicas: size,
      ...(conditions ? { conditions } : {}),
    },
  };
}

function plan(wanted: Deployment, owned: readonly ReplicaSet[], nowMs = NOW): DeploymentPlan {
  return planDeployment({ deployment: wanted, owned, withLivePods: new Set(), nowMs });
}

function textOf(action: DeploymentAction): string {
  if (action.kind === "create") return `create ${action.replicas}`;
  const { name } = action.replicaSet.metadata;
  return action.kind === "delete" ? `delete ${name}` : `${name} → ${action.replicas}`;
}

const conditionOf = (of: DeploymentPlan, type = "Progressing"): DeploymentCondition | undefined =>
  of.status.conditions?.find((one) => one.type === type);

function progressing(reason: string, agoMs: number, status = "True"): DeploymentCondition {
  const time = new Date(NOW - agoMs).toISOString();
  return { type: "Progressing", status, reason, lastUpdateTime: time, lastTransitionTime: time };
}

/** As the status of a deployment that stands where these replica sets are. */
function standing(condition: DeploymentCondition, updated: number, available = updated) {
  return {
    replicas: 2,
    updatedReplicas: updated,
    readyReplicas: available,
    availableReplicas: available,
    conditions: [condition],
  };
}

describe("planDeployment()", () => {
  it("makes a first replica set at full size as revision 1", () => {
    const wanted = deployment(1);
    const first = plan(wanted, []);
    expect(first.actions.map(textOf)).toEqual(["create 2"]);
    expect(first.revision).toBe(1);
    expect(conditionOf(first)).toMatchObject({
      status: "True",
      reason: "NewReplicaSetCreated",
      message: `Created new replica set "${nameOf(wanted).name}"`,
    });
  });

  it("copies annotations to the new replica set, but for those that are the deployment's own", () => {
    const annotations = {
      "kubernetes.io/change-cause": "because",
      "kubectl.kubernetes.io/last-applied-configuration": "{}",
      [REVISION_ANNOTATION]: "3",
    };
    const { metadata } = deployment(1);
    const { actions } = plan(deployment(1, {}, { metadata: { ...metadata, annotations } }), []);
    expect(actions).toMatchObject([{ annotations: { "kubernetes.io/change-cause": "because" } }]);
    const [action] = actions;
    expect(action?.kind === "create" && Object.keys(action.annotations).toSorted()).toEqual([
      "deployment.kubernetes.io/desired-replicas",
      "deployment.kubernetes.io/max-replicas",
      "deployment.kubernetes.io/revision",
      "kubernetes.io/change-cause",
    ]);
  });

  it("takes the replica set of a former template back by a rollback, as the newest revision", () => {
    const owned = [replicaSet(1), replicaSet(2, { size: 2 })];
    const back = plan(deployment(1), owned);
    expect(back.revision).toBe(3);
    expect(back.actions).toMatchObject([
      {
        kind: "update",
        replicaSet: { metadata: { name: "web-1" } },
        replicas: 1,
        annotations: { [REVISION_ANNOTATION]: "3", [HISTORY_ANNOTATION]: "1" },
      },
    ]);
  });

  it("keeps revisionHistoryLimit old replica sets once the rollout is over, the newest ones", () => {
    const owned = [1, 2, 3].map((version) => replicaSet(version));
    const limited = deployment(4, { revisionHistoryLimit: 1 });
    expect(plan(limited, [...owned, replicaSet(4, { size: 2 })]).actions.map(textOf)).toEqual([
      "delete web-1",
      "delete web-2",
    ]);
    expect(plan(limited, [...owned, replicaSet(4, { size: 1 })]).actions.map(textOf)).toEqual([
      "web-4 → 2",
    ]);
  });

  it("keeps an old replica set whose controller is behind", () => {
    const [late] = [replicaSet(1)];
    if (!late) throw new Error("no replica set");
    const behind = { ...late, metadata: { ...late.metadata, generation: 2 } };
    const limited = deployment(2, { revisionHistoryLimit: 0 });
    expect(plan(limited, [behind, replicaSet(2, { size: 2 })]).actions).toEqual([]);
  });

  it("starts no rollout while it is paused, but still scales", () => {
    const paused = deployment(2, { paused: true, replicas: 5 });
    const { actions, status, revision } = plan(paused, [replicaSet(1, { size: 2 })]);
    expect(actions.map(textOf)).toEqual(["web-1 → 5"]);
    expect(revision).toBeUndefined();
    expect(status.conditions?.find(({ type }) => type === "Progressing")).toMatchObject({
      status: "Unknown",
      reason: "DeploymentPaused",
    });
  });

  it("takes minReadySeconds over to the new replica set without making another", () => {
    const { actions } = plan(deployment(1, { minReadySeconds: 9 }), [replicaSet(1, { size: 2 })]);
    expect(actions).toMatchObject([{ kind: "update", replicas: 2, minReadySeconds: 9 }]);
  });

  it("does nothing but tell for a deployment that is being deleted", () => {
    const { metadata } = deployment(2);
    const going = { metadata: { ...metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
    expect(plan(deployment(2, {}, going), [replicaSet(1, { size: 2 })])).toMatchObject({
      actions: [],
      status: { replicas: 2, observedGeneration: 7 },
    });
  });
});

describe("planDeployment() status", () => {
  it("is complete when all replicas are new and available, and says so by name", () => {
    const done = plan(deployment(2), [replicaSet(1), replicaSet(2, { size: 2 })]);
    expect(done.status).toMatchObject({ replicas: 2, updatedReplicas: 2, availableReplicas: 2 });
    expect(done.status.unavailableReplicas).toBeUndefined();
    expect(conditionOf(done, "Available")?.reason).toBe("MinimumReplicasAvailable");
    expect(conditionOf(done)).toMatchObject({
      reason: "NewReplicaSetAvailable",
      message: 'ReplicaSet "web-2" has successfully progressed.',
    });
    expect(done.wakeAtMs).toBeUndefined();
  });

  const half = [replicaSet(1, { size: 1 }), replicaSet(2, { size: 1 })];

  it("gives up a rollout that makes no progress for progressDeadlineSeconds, and not before", () => {
    const at = (agoMs: number): DeploymentPlan => {
      const status = standing(progressing("ReplicaSetUpdated", agoMs), 1, 2);
      return plan(deployment(2, {}, { status }), half);
    };
    expect(conditionOf(at(600_000))?.reason).toBe("ReplicaSetUpdated");
    expect(at(500_000).wakeAtMs).toBe(NOW + 101_000);
    expect(conditionOf(at(600_001))).toMatchObject({
      status: "False",
      reason: "ProgressDeadlineExceeded",
      message: 'ReplicaSet "web-2" has timed out progressing.',
    });
  });

  it("counts the deadline anew from each progress", () => {
    const status = standing(progressing("ReplicaSetUpdated", 900_000), 0, 2);
    const moved = conditionOf(plan(deployment(2, {}, { status }), half));
    expect(moved).toMatchObject({
      reason: "ReplicaSetUpdated",
      message: 'ReplicaSet "web-2" is progressing.',
      lastUpdateTime: "2026-01-01T01:00:00Z",
      lastTransitionTime: new Date(NOW - 900_000).toISOString(),
    });
  });

  it("takes a timed out rollout for progressing again once it moves", () => {
    const status = standing(progressing("ProgressDeadlineExceeded", 5_000, "False"), 0, 2);
    expect(conditionOf(plan(deployment(2, {}, { status }), half))?.reason).toBe(
      "ReplicaSetUpdated",
    );
  });

  it("does not reopen a rollout that was over when one of its pods is unavailable", () => {
    const over = progressing("NewReplicaSetAvailable", 900_000);
    const one = replicaSet(1, { size: 2 });
    const broken = { ...one, status: { ...one.status, replicas: 2, availableReplicas: 1 } };
    const wanted = deployment(1, { strategy: { rollingUpdate: { maxUnavailable: 0 } } });
    const again = plan({ ...wanted, status: standing(over, 2) }, [broken]);
    expect(conditionOf(again)).toEqual(over);
    expect(conditionOf(again, "Available")?.reason).toBe("MinimumReplicasUnavailable");
    expect(again.status.unavailableReplicas).toBe(1);
  });

  it("has no deadline while it is paused, and a new one when it is resumed", () => {
    const status = standing(progressing("DeploymentPaused", 900_000, "Unknown"), 1, 2);
    const paused = plan(deployment(2, { paused: true }, { status }), half);
    expect([conditionOf(paused)?.reason, paused.wakeAtMs]).toEqual(["DeploymentPaused", undefined]);
    const resumed = plan(deployment(2, {}, { status }), half);
    expect(conditionOf(resumed)).toMatchObject({
      reason: "DeploymentResumed",
      lastUpdateTime: "2026-01-01T01:00:00Z",
    });
    expect(resumed.wakeAtMs).toBe(NOW + 601_000);
  });

  it("says nothing of progress where there is no deadline", () => {
    const endless = deployment(2, { progressDeadlineSeconds: 2 ** 31 - 1 });
    expect(conditionOf(plan(endless, half))).toBeUndefined();
  });

  it("passes on that a replica set cannot make its pods, and takes it back", () => {
    const conditions = [
      { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message: "quota" },
    ];
    const failing = plan(deployment(2), [replicaSet(2, { size: 2, conditions })]);
    expect(conditionOf(failing, "ReplicaFailure")).toMatchObject({
      status: "True",
      reason: "FailedCreate",
      message: "quota",
    });
    const fine = plan({ ...deployment(2), status: failing.status }, [replicaSet(2, { size: 2 })]);
    expect(conditionOf(fine, "ReplicaFailure")).toBeUndefined();
  });
});
