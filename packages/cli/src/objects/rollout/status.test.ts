import type { Deployment } from "@sagong/orchestrator/api";
import { describe, expect, it } from "vitest";
import { daemonSetStatus, deploymentStatus, statefulSetStatus } from "./status.js";

const deployment = (status: Deployment["status"], generation = 1): Deployment => ({
  metadata: { name: "web", generation },
  spec: { replicas: 3, selector: {}, template: {} },
  status: { observedGeneration: 1, ...status },
});

describe("deploymentStatus()", () => {
  it.each([
    [{}, 2, "Waiting for deployment spec update to be observed..."],
    [
      { updatedReplicas: 1 },
      1,
      'Waiting for deployment "web" rollout to finish: 1 out of 3 new replicas have been updated...',
    ],
    [
      { updatedReplicas: 3, replicas: 4 },
      1,
      'Waiting for deployment "web" rollout to finish: 1 old replicas are pending termination...',
    ],
    [
      { updatedReplicas: 3, replicas: 3, availableReplicas: 2 },
      1,
      'Waiting for deployment "web" rollout to finish: 2 of 3 updated replicas are available...',
    ],
  ])("of %j waits", (status, generation, text) => {
    expect(deploymentStatus(deployment(status, generation))).toEqual({
      text: `${text}\n`,
      isDone: false,
    });
  });

  it("is done when all are new and available", () => {
    const status = { updatedReplicas: 3, replicas: 3, availableReplicas: 3 };
    expect(deploymentStatus(deployment(status))).toEqual({
      text: 'deployment "web" successfully rolled out\n',
      isDone: true,
    });
  });

  it("fails past its deadline", () => {
    const conditions = [
      { type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" },
    ];
    expect(() => deploymentStatus(deployment({ conditions }))).toThrow(
      'deployment "web" exceeded its progress deadline',
    );
  });
});

describe("daemonSetStatus()", () => {
  const counts = { currentNumberScheduled: 2, numberMisscheduled: 0, numberReady: 0 };
  const status = { ...counts, desiredNumberScheduled: 2, observedGeneration: 1 };
  const metadata = { name: "d", generation: 1 };

  it("counts pods", () => {
    expect(
      daemonSetStatus({ metadata, status: { ...status, updatedNumberScheduled: 1 } }).text,
    ).toBe(
      'Waiting for daemon set "d" rollout to finish: 1 out of 2 new pods have been updated...\n',
    );
    const done = { ...status, updatedNumberScheduled: 2, numberAvailable: 2 };
    expect(daemonSetStatus({ metadata, status: done }).isDone).toBe(true);
  });

  it("refuses what is replaced by hand", () => {
    const spec = { selector: {}, template: {}, updateStrategy: { type: "OnDelete" } };
    expect(() => daemonSetStatus({ metadata, spec, status })).toThrow(
      "only available for RollingUpdate",
    );
  });
});

it("statefulSetStatus() waits for readiness, then for the revision", () => {
  const metadata = { name: "s", generation: 1 };
  const spec = { replicas: 2, selector: {}, template: {}, serviceName: "s" };
  const status = { replicas: 2, observedGeneration: 1, currentRevision: "a", updateRevision: "b" };
  const of = (more: object) =>
    statefulSetStatus({ metadata, spec, status: { ...status, ...more } });
  expect(of({ readyReplicas: 1 }).text).toBe("Waiting for 1 pods to be ready...\n");
  expect(of({ readyReplicas: 2, updatedReplicas: 1 }).text).toBe(
    "waiting for statefulset rolling update to complete 1 pods at revision b...\n",
  );
  expect(of({ readyReplicas: 2, currentRevision: "b", updatedReplicas: 2 }).isDone).toBe(true);
});
