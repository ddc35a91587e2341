import { describe, expect, it } from "vitest";
import type { Taint, Toleration } from "../../api/gen/core-v1.js";
import { nodeInfoOf, nodeOf, podInfo, podOf, refusalBy } from "../testing/cluster-objects.js";
import type { CandidateNode } from "../framework/plugin.js";
import { taintToleration } from "./taint-toleration.js";

const tainted = (...taints: Taint[]): CandidateNode =>
  nodeInfoOf(nodeOf("a", { spec: { taints } }));
const tolerating = (...tolerations: Toleration[]): ReturnType<typeof podOf> =>
  podOf("p", { spec: { tolerations } });
const GPU = { key: "dedicated", value: "gpu", effect: "NoSchedule" };

describe("TaintToleration", () => {
  it.each<[string, Taint, string | undefined]>([
    ["NoSchedule", GPU, "node(s) had untolerated taint {dedicated: gpu}"],
    [
      "NoExecute without a value",
      { key: "node.kubernetes.io/not-ready", effect: "NoExecute" },
      "node(s) had untolerated taint {node.kubernetes.io/not-ready: }",
    ],
    ["PreferNoSchedule", { ...GPU, effect: "PreferNoSchedule" }, undefined],
  ])("filter() of a node with %s", (_, taint, reason) => {
    const expected = reason && { reasons: [reason], resolvable: false };
    expect(refusalBy(taintToleration, podOf("p"), tainted(taint))).toEqual(expected);
  });

  it("filter() tells the first taint that is not tolerated", () => {
    const node = tainted(GPU, { key: "x", value: "1", effect: "NoSchedule" });
    const pod = tolerating({ key: "dedicated", operator: "Exists" });
    expect(refusalBy(taintToleration, pod, node)?.reasons).toEqual([
      "node(s) had untolerated taint {x: 1}",
    ]);
  });

  it("score() is lower the more soft taints are not tolerated", () => {
    const soft = (key: string): Taint => ({ key, effect: "PreferNoSchedule" });
    const nodes = [
      tainted(),
      tainted(soft("a")),
      tainted(soft("a"), soft("b"), soft("c")),
      tainted(soft("b"), GPU),
    ];
    const pod = tolerating({ key: "c", operator: "Exists", effect: "PreferNoSchedule" });
    const scorer = taintToleration.score(podInfo(pod));
    const raw = nodes.map((node) => scorer?.score(node) ?? -1);
    expect(raw).toEqual([0, 1, 2, 1]);
    expect(scorer?.normalize?.(raw)).toEqual([100, 50, 0, 50]);
  });
});
