import { describe, expect, it } from "vitest";
import { nodeInfoOf, nodeOf, podOf, refusalBy } from "../testing/cluster-objects.js";
import { nodeUnschedulable } from "./node-unschedulable.js";

const cordoned = nodeInfoOf(nodeOf("a", { spec: { unschedulable: true } }));

describe("NodeUnschedulable", () => {
  it("filter() refuses a cordoned node", () => {
    expect(refusalBy(nodeUnschedulable, podOf("p"), cordoned)).toEqual({
      reasons: ["node(s) were unschedulable"],
      resolvable: false,
    });
  });

  it("filter() takes a cordoned node when the pod tolerates that", () => {
    const tolerations = [{ key: "node.kubernetes.io/unschedulable", operator: "Exists" }];
    const pod = podOf("p", { spec: { tolerations } });
    expect(refusalBy(nodeUnschedulable, pod, cordoned)).toBeUndefined();
  });

  it("filter() takes other nodes", () => {
    expect(refusalBy(nodeUnschedulable, podOf("p"), nodeInfoOf(nodeOf("a")))).toBeUndefined();
  });
});
