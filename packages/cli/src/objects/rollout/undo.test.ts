import type { Deployment, ReplicaSet } from "@sagong/orchestrator/api";
import { describe, expect, it } from "vitest";
import { LAST_APPLIED } from "../apply/last-applied.js";
import { REVISION } from "./history.js";
import { planUndo } from "./undo.js";

const template = (image: string) => ({
  metadata: { labels: { app: "web" } },
  spec: { containers: [{ name: "web", image }] },
});

const replicaSet = (revision: number, image: string): readonly [number, ReplicaSet] => [
  revision,
  {
    metadata: {
      name: `web-${revision}`,
      annotations: { [REVISION]: String(revision), note: `r${revision}` },
    },
    spec: {
      selector: {},
      template: {
        ...template(image),
        metadata: { labels: { app: "web", "pod-template-hash": "x" } },
      },
    },
  },
];

const deployment = (image: string, paused = false): Deployment => ({
  metadata: { name: "web", annotations: { [REVISION]: "3", [LAST_APPLIED]: "{}", note: "r3" } },
  spec: { paused, selector: {}, template: template(image) },
});

const REVISIONS = [replicaSet(1, "a"), replicaSet(2, "b"), replicaSet(3, "c")];

describe("planUndo()", () => {
  it("goes back to the revision before, with its annotations and the deployment's own", () => {
    expect(planUndo(deployment("c"), REVISIONS, 0).patch).toEqual([
      { op: "replace", path: "/spec/template", value: template("b") },
      {
        op: "add",
        path: "/metadata/annotations",
        value: { [REVISION]: "3", [LAST_APPLIED]: "{}", note: "r2" },
      },
    ]);
  });

  it("goes back to the revision that is named", () => {
    expect(planUndo(deployment("c"), REVISIONS, 1).patch?.[0]).toMatchObject({
      value: template("a"),
    });
  });

  it("has nothing to do where the template is that one", () => {
    expect(planUndo(deployment("c"), REVISIONS, 3).patch).toBeUndefined();
  });

  it("refuses without history, an unknown revision, and while paused", () => {
    const [only] = REVISIONS;
    expect(() => planUndo(deployment("a"), only ? [only] : [], 0)).toThrow(
      'no rollout history found for deployment "web"',
    );
    expect(() => planUndo(deployment("c"), REVISIONS, 77)).toThrow(
      "unable to find specified revision 77 in history",
    );
    expect(() => planUndo(deployment("c", true), REVISIONS, 0)).toThrow("cannot rollback a paused");
  });
});
