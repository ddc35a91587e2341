import { describe, expect, it } from "vitest";
import { nodeInfoOf, nodeOf, podInfo, podOf } from "../testing/cluster-objects.js";
import { nodeResourcesBalanced } from "./node-resources-balanced.js";

type Texts = Readonly<Record<string, string>>;

// After kube-scheduler's TestNodeResourcesBalancedAllocation.
describe("NodeResourcesBalancedAllocation", () => {
  it.each<[string, Texts, Texts, Texts, number]>([
    ["both shares alike", { cpu: "1", memory: "2500" }, { cpu: "4", memory: "10000" }, {}, 100],
    [
      "75 percent of cpu and 50 of memory",
      { cpu: "3", memory: "5000" },
      { cpu: "4", memory: "10000" },
      {},
      87,
    ],
    [
      "60 percent of cpu and 25 of memory, counting what is there",
      { cpu: "3", memory: "0" },
      { cpu: "10", memory: "20000" },
      { cpu: "3", memory: "5000" },
      82,
    ],
    [
      "more than there is, which counts as all",
      { cpu: "8", memory: "5" },
      { cpu: "4", memory: "10" },
      {},
      75,
    ],
    ["a node of one resource", { cpu: "3" }, { cpu: "4" }, {}, 100],
  ])("score() of %s", (_, requests, allocatable, taken, expected) => {
    const node = nodeInfoOf(nodeOf("a", { allocatable }), [podOf("q", { requests: taken })]);
    const scorer = nodeResourcesBalanced.score(podInfo(podOf("p", { requests })));
    expect(scorer?.score(node)).toBe(expected);
  });

  it("score() has nothing to say of a pod that asks for neither", () => {
    expect(nodeResourcesBalanced.score(podInfo(podOf("p")))).toBeUndefined();
    const gpu = podOf("p", { requests: { "example.com/gpu": "1" } });
    expect(nodeResourcesBalanced.score(podInfo(gpu))).toBeUndefined();
  });
});
