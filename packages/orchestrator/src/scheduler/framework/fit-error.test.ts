import { describe, expect, it } from "vitest";
import { nodeInfoOf, nodeOf } from "../testing/cluster-objects.js";
import { fitErrorText, type RefusedNode } from "./fit-error.js";

const refused = (name: string, ...reasons: string[]): RefusedNode => ({
  node: nodeInfoOf(nodeOf(name)),
  refusal: { reasons, resolvable: false },
});
const plain = { excludedBy: [], isContradiction: false };

describe("fitErrorText()", () => {
  it("counts the reasons and sorts them as text, the number included", () => {
    const nodes = [
      ...Array.from({ length: 10 }, (_, i) => refused(`a${i}`, "node(s) were unschedulable")),
      refused("b", "Insufficient cpu", "Insufficient memory"),
      refused("c", "Insufficient cpu"),
    ];
    expect(fitErrorText({ ...plain, nodeCount: 12, refused: nodes, preemption: "no." })).toBe(
      "0/12 nodes are available: 1 Insufficient memory, 10 node(s) were unschedulable, " +
        "2 Insufficient cpu. preemption: no.",
    );
  });

  it("says that there are no nodes when there are none", () => {
    expect(fitErrorText({ ...plain, nodeCount: 0, refused: [], preemption: "no." })).toBe(
      "no nodes available to schedule pods",
    );
  });

  it("counts nodes that the pod's own choice leaves out", () => {
    const text = fitErrorText({
      nodeCount: 46,
      refused: [refused("a", "Too many pods")],
      excludedBy: ["NodeAffinity"],
      isContradiction: false,
      preemption: "no.",
    });
    expect(text).toBe(
      "0/46 nodes are available: 1 Too many pods, " +
        "45 node(s) didn't satisfy plugin(s) [NodeAffinity]. preemption: no.",
    );
  });

  it("says so when the pod's own choice contradicts itself", () => {
    const text = fitErrorText({
      nodeCount: 2,
      refused: [],
      excludedBy: ["NodeAffinity"],
      isContradiction: true,
      preemption: "no.",
    });
    expect(text).toBe("0/2 nodes are available: pod affinity terms conflict. preemption: no.");
  });
});
