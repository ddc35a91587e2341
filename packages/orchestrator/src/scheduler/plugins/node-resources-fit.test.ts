import { describe, expect, it } from "vitest";
import type { CandidateNode, Refusal } from "../framework/plugin.js";
import { nodeInfoOf, nodeOf, podInfo, podOf, refusalBy } from "../testing/cluster-objects.js";
import { nodeResourcesFit } from "./node-resources-fit.js";

type Texts = Readonly<Record<string, string>>;

const ROOM = {
  cpu: "10m",
  memory: "20",
  "ephemeral-storage": "30",
  "example.com/a": "5",
  pods: "3",
};
const used = (requests: Texts): CandidateNode =>
  nodeInfoOf(nodeOf("a", { allocatable: ROOM }), [podOf("q", { requests })]);
const refusal = (resolvable: boolean, ...reasons: string[]): Refusal => ({ reasons, resolvable });

// After kube-scheduler's TestEnoughRequests.
describe("NodeResourcesFit", () => {
  it.each<[string, Texts, Texts, Refusal | undefined]>([
    ["that asks for nothing of a full node", {}, { cpu: "10m", memory: "20" }, undefined],
    [
      "that asks for more than is left of both",
      { cpu: "1m", memory: "1" },
      { cpu: "10m", memory: "20" },
      refusal(true, "Insufficient cpu", "Insufficient memory"),
    ],
    ["that fits exactly", { cpu: "5m", memory: "1" }, { cpu: "5m", memory: "19" }, undefined],
    [
      "that lacks cpu only",
      { cpu: "2m", memory: "1" },
      { cpu: "9m", memory: "5" },
      refusal(true, "Insufficient cpu"),
    ],
    [
      "that is larger than the node",
      { cpu: "11m", memory: "1" },
      {},
      refusal(false, "Insufficient cpu"),
    ],
    [
      "that asks for too much storage",
      { "ephemeral-storage": "20" },
      { "ephemeral-storage": "20" },
      refusal(true, "Insufficient ephemeral-storage"),
    ],
    [
      "that asks for devices that are free",
      { "example.com/a": "3" },
      { "example.com/a": "2" },
      undefined,
    ],
    [
      "that asks for devices that are taken",
      { "example.com/a": "3" },
      { "example.com/a": "3" },
      refusal(true, "Insufficient example.com/a"),
    ],
    [
      "that asks for devices that the node has none of",
      { "example.com/b": "1" },
      {},
      refusal(false, "Insufficient example.com/b"),
    ],
    ["that says 0 of what the node has none of", { "example.com/b": "0" }, {}, undefined],
  ])("filter() of a pod %s", (_, requests, taken, expected) => {
    expect(refusalBy(nodeResourcesFit, podOf("p", { requests }), used(taken))).toEqual(expected);
  });

  it("filter() counts the pods", () => {
    const pods = ["x", "y", "z"].map((name) => podOf(name));
    const node = nodeInfoOf(nodeOf("a", { allocatable: ROOM }), pods);
    expect(refusalBy(nodeResourcesFit, podOf("p"), node)).toEqual(refusal(true, "Too many pods"));
    expect(refusalBy(nodeResourcesFit, podOf("p", { requests: { cpu: "11m" } }), node)).toEqual(
      refusal(false, "Too many pods", "Insufficient cpu"),
    );
  });

  it("filter() takes a node that does not say how many pods it has room for as full", () => {
    const node = nodeInfoOf(nodeOf("a", { allocatable: {} }));
    expect(refusalBy(nodeResourcesFit, podOf("p"), node)?.reasons).toEqual(["Too many pods"]);
  });

  // After kube-scheduler's TestLeastAllocatedScoringStrategy.
  it.each<[string, Texts, Texts, Texts, number]>([
    [
      "nothing asked of an empty node, at which 100m and 200Mi are counted",
      {},
      { cpu: "1", memory: "1000Mi" },
      {},
      (90 + 80) / 2,
    ],
    [
      "cpu 75 and memory 50 percent left",
      { cpu: "500m", memory: "2500" },
      { cpu: "4", memory: "10000" },
      { cpu: "500m", memory: "2500" },
      (75 + 50) / 2,
    ],
    [
      "one resource full and the other half",
      { cpu: "1", memory: "5000" },
      { cpu: "2", memory: "10000" },
      { cpu: "1", memory: "0" },
      25,
    ],
    ["a node that says nothing of memory", { cpu: "1", memory: "0" }, { cpu: "4" }, {}, 75],
    ["a node that has neither", {}, {}, {}, 0],
  ])("score() of %s", (_, requests, allocatable, taken, expected) => {
    const others = Object.keys(taken).length > 0 ? [podOf("q", { requests: taken })] : [];
    const node = nodeInfoOf(nodeOf("a", { allocatable }), others);
    const scorer = nodeResourcesFit.score(podInfo(podOf("p", { requests })));
    expect(scorer?.score(node)).toBe(Math.floor(expected));
  });
});
