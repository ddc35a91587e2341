import { describe, expect, it } from "vitest";
import type { Node } from "../../api/gen/core-v1.js";
import { nodeOf } from "../testing/cluster-objects.js";
import { nodeEvents } from "./cluster-event.js";

const before = nodeOf("a", { labels: { zone: "x" } });
const ready = { type: "Ready", status: "True" };

describe("nodeEvents()", () => {
  it.each<[string, Node | undefined, Node | undefined, string[]]>([
    ["a new node", before, undefined, ["node-added"]],
    ["a node that is gone", undefined, before, []],
    [
      "another node of the same name",
      { ...before, metadata: { ...before.metadata, uid: "another" } },
      before,
      ["node-added"],
    ],
    ["a heartbeat", { ...before, status: { ...before.status, conditions: [ready] } }, before, []],
    [
      "more room",
      { ...before, status: { allocatable: { cpu: "8" } } },
      before,
      ["node-allocatable"],
    ],
    ["another label", nodeOf("a", { labels: { zone: "y" } }), before, ["node-labels"]],
    [
      "a cordon with its taint",
      {
        ...before,
        spec: { unschedulable: true, taints: [{ key: "k", effect: "NoSchedule" }] },
      },
      before,
      ["node-taints", "node-unschedulable"],
    ],
    [
      "unschedulable: false where it was left out",
      { ...before, spec: { unschedulable: false } },
      before,
      [],
    ],
  ])("nodeEvents() names what may help about %s", (_, now, earlier, expected) => {
    expect(nodeEvents(now, earlier)).toEqual(expected);
  });
});
