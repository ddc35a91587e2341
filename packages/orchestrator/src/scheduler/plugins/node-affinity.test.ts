import { describe, expect, it } from "vitest";
import type { NodeSelectorTerm, Pod, PodSpec } from "../../api/gen/core-v1.js";
import type { CandidateNode } from "../framework/plugin.js";
import { nodeInfoOf, nodeOf, podInfo, podOf, refusalBy } from "../testing/cluster-objects.js";
import { nodeAffinity } from "./node-affinity.js";

type Texts = Readonly<Record<string, string>>;

const node = (name: string, labels?: Texts): CandidateNode =>
  nodeInfoOf(nodeOf(name, labels ? { labels } : {}));
const hasLabel = (key: string, ...values: string[]): NodeSelectorTerm => ({
  matchExpressions: [{ key, operator: "In", values }],
});
const hasName = (...values: string[]): NodeSelectorTerm => ({
  matchFields: [{ key: "metadata.name", operator: "In", values }],
});
const requiring = (terms: NodeSelectorTerm[], spec: Partial<PodSpec> = {}): Pod => {
  const required = { nodeSelectorTerms: terms };
  const affinity = { requiredDuringSchedulingIgnoredDuringExecution: required };
  return podOf("p", { spec: { ...spec, affinity: { nodeAffinity: affinity } } });
};
const selecting = (nodeSelector: Texts): Pod => podOf("p", { spec: { nodeSelector } });

describe("NodeAffinity", () => {
  it.each<[string, Pod, Texts, boolean]>([
    ["that asks for nothing", podOf("p"), {}, true],
    ["with an empty selector", selecting({}), {}, true],
    ["whose selector matches", selecting({ foo: "bar" }), { foo: "bar", x: "y" }, true],
    ["whose selector matches in part", selecting({ foo: "bar", x: "y" }), { foo: "bar" }, false],
    ["whose selector does not match", selecting({ foo: "bar" }), {}, false],
    [
      "with one of two terms met",
      requiring([hasLabel("a", "1"), hasLabel("b", "1")]),
      { b: "1" },
      true,
    ],
    ["with no term met", requiring([hasLabel("a", "1"), hasLabel("b", "1")]), { a: "2" }, false],
    ["with a list of no terms", requiring([]), { a: "1" }, false],
    [
      "with a term met but not its selector",
      requiring([hasLabel("a", "1")], { nodeSelector: { foo: "bar" } }),
      { a: "1" },
      false,
    ],
    [
      "with both met",
      requiring([hasLabel("a", "1")], { nodeSelector: { foo: "bar" } }),
      { a: "1", foo: "bar" },
      true,
    ],
  ])("filter() of a pod %s", (_, pod, labels, fits) => {
    const reasons = ["node(s) didn't match Pod's node affinity/selector"];
    expect(refusalBy(nodeAffinity, pod, node("a", labels))).toEqual(
      fits ? undefined : { reasons, resolvable: false },
    );
  });

  it.each<[string, NodeSelectorTerm[], string[] | undefined]>([
    ["one term that names two", [hasName("a", "b")], ["a", "b"]],
    ["two terms that name one each", [hasName("a"), hasName("b")], ["a", "b"]],
    ["a term that names none beside one that does", [hasName("a"), hasLabel("x", "y")], undefined],
    [
      "a term that names twice",
      [
        {
          matchFields: [
            ...(hasName("a", "b").matchFields ?? []),
            ...(hasName("b", "c").matchFields ?? []),
          ],
        },
      ],
      ["b"],
    ],
    [
      "a term that contradicts itself",
      [{ matchFields: [...(hasName("a").matchFields ?? []), ...(hasName("b").matchFields ?? [])] }],
      [],
    ],
    ["no terms", [], undefined],
  ])("nodeNames() of %s", (_, terms, expected) => {
    const names = nodeAffinity.nodeNames?.(podInfo(requiring(terms)));
    expect(names && [...names]).toEqual(expected);
  });

  it("score() adds the weights of what is preferred and there, and scales them", () => {
    const preferred = [
      { weight: 10, preference: hasLabel("zone", "x") },
      { weight: 5, preference: hasLabel("disk", "ssd") },
      { weight: 50, preference: {} },
    ];
    const affinity = { preferredDuringSchedulingIgnoredDuringExecution: preferred };
    const pod = podOf("p", { spec: { affinity: { nodeAffinity: affinity } } });
    const scorer = nodeAffinity.score(podInfo(pod));
    const nodes = [node("a"), node("b", { zone: "x" }), node("c", { zone: "x", disk: "ssd" })];
    const raw = nodes.map((one) => scorer?.score(one) ?? -1);
    expect(raw).toEqual([0, 10, 15]);
    expect(scorer?.normalize?.(raw)).toEqual([0, 66, 100]);
  });

  it("score() has nothing to say of a pod that prefers nothing", () => {
    expect(nodeAffinity.score(podInfo(podOf("p")))).toBeUndefined();
  });
});
