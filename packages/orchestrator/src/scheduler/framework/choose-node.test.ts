import { seededRandom } from "@sagong/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Pod } from "../../api/gen/core-v1.js";
import { DEFAULT_PLUGINS } from "../plugins/default-plugins.js";
import { nodeInfoOf, nodeOf, podInfo, podOf } from "../testing/cluster-objects.js";
import { type Choice, chooseNode, fittingNodesEnough, totalScores } from "./choose-node.js";
import type { CandidateNode } from "./plugin.js";

const MASTER = { key: "node-role.kubernetes.io/control-plane", effect: "NoSchedule" };
const NOT_HELPFUL = "Preemption is not helpful for scheduling";

function choose(pod: Pod, nodes: readonly CandidateNode[], seed = 1, start = 0): Choice {
  const random = seededRandom(seed);
  return chooseNode(podInfo(pod), nodes, { plugins: DEFAULT_PLUGINS, random, start });
}

const node = (name: string, parts?: Parameters<typeof nodeOf>[1], pods?: Pod[]): CandidateNode =>
  nodeInfoOf(nodeOf(name, parts), pods);

describe("chooseNode()", () => {
  it("tells for each node why it is refused", () => {
    const nodes = [
      node("a", { spec: { taints: [MASTER] } }),
      node("b", { allocatable: { cpu: "1", memory: "8Gi", pods: "10" } }),
      node("c", { allocatable: { cpu: "1", memory: "8Gi", pods: "10" } }),
    ];
    const choice = choose(podOf("p", { requests: { cpu: "2" } }), nodes);
    expect(choice).toMatchObject({
      kind: "none",
      message:
        "0/3 nodes are available: " +
        "1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, " +
        `2 Insufficient cpu. preemption: 0/3 nodes are available: 3 ${NOT_HELPFUL}.`,
      helpedBy: new Set(["node-added", "node-taints", "node-allocatable", "pod-removed"]),
    });
  });

  it("tells the first refusal of a node only", () => {
    const spec = { unschedulable: true, taints: [MASTER] };
    const choice = choose(podOf("p", { requests: { cpu: "100" } }), [node("a", { spec })]);
    expect(choice).toMatchObject({
      message:
        "0/1 nodes are available: 1 node(s) were unschedulable. " +
        `preemption: 0/1 nodes are available: 1 ${NOT_HELPFUL}.`,
    });
  });

  it("has only a new node to hope for when there is none", () => {
    expect(choose(podOf("p"), [])).toMatchObject({
      message: "no nodes available to schedule pods",
      helpedBy: new Set(["node-added"]),
    });
  });

  it("asks only the nodes that the pod names", () => {
    const expression = { key: "metadata.name", operator: "In", values: ["b", "elsewhere"] };
    const required = { nodeSelectorTerms: [{ matchFields: [expression] }] };
    const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: required };
    const pinned = podOf("p", { requests: { cpu: "1" }, spec: { affinity: { nodeAffinity } } });
    expect(choose(pinned, [node("a"), node("b"), node("c")])).toMatchObject({ nodeName: "b" });
    const full = node("b", {}, [podOf("q", { requests: { cpu: "4" } })]);
    expect(choose(pinned, [node("a"), full, node("c")])).toMatchObject({
      message:
        "0/3 nodes are available: 1 Insufficient cpu, " +
        "2 node(s) didn't satisfy plugin(s) [NodeAffinity]. preemption: 0/3 nodes are available: " +
        `1 No preemption victims found for incoming pod, 2 ${NOT_HELPFUL}.`,
    });
  });

  it("prefers the emptier node", () => {
    const busy = node("a", {}, [podOf("q", { requests: { cpu: "2", memory: "4Gi" } })]);
    for (let seed = 0; seed < 20; seed++) {
      const choice = choose(
        podOf("p", { requests: { cpu: "1", memory: "2Gi" } }),
        [busy, node("b")],
        seed,
      );
      expect(choice).toMatchObject({ nodeName: "b" });
    }
  });

  it("chooses among equals by chance, and the same with the same seed", () => {
    const nodes = ["a", "b", "c"].map((name) => node(name));
    const chosen = Array.from({ length: 60 }, (_, seed) => choose(podOf("p"), nodes, seed));
    const names = chosen.map((choice) => (choice.kind === "node" ? choice.nodeName : ""));
    for (const name of ["a", "b", "c"]) {
      expect(names.filter((one) => one === name).length).toBeGreaterThan(8);
    }
    expect(choose(podOf("p"), nodes, 7)).toEqual(chosen[7]);
  });

  it("stops when it has found enough, and goes on from there", () => {
    const nodes = Array.from({ length: 300 }, (_, i) => node(`n${i}`));
    const choice = choose(podOf("p"), nodes, 1, 250);
    expect(choice).toMatchObject({ kind: "node", examined: 144 });
    const { nodeName } = choice.kind === "node" ? choice : { nodeName: "" };
    const index = Number(nodeName.slice(1));
    expect((index - 250 + 300) % 300).toBeLessThan(144);
  });

  it("never puts a pod where it does not fit, and finds a place where there is one", () => {
    const load = fc.array(fc.integer({ min: 0, max: 4000 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(load, fc.integer({ min: 1, max: 4000 }), fc.nat(), (loads, cpu, seed) => {
        const nodes = loads.map((used, i) =>
          node(`n${i}`, {}, [podOf(`q${i}`, { requests: { cpu: `${used}m` } })]),
        );
        const choice = choose(podOf("p", { requests: { cpu: `${cpu}m` } }), nodes, seed);
        const room = loads.map((used) => 4000 - used >= cpu);
        const fits = choice.kind === "node" ? room[Number(choice.nodeName.slice(1))] : false;
        expect(fits).toBe(room.includes(true));
      }),
    );
  });
});

describe("fittingNodesEnough()", () => {
  // kube-scheduler's TestNumFeasibleNodesToFind, at the default percentage.
  it.each([
    [10, 10],
    [99, 99],
    [100, 100],
    [1_000, 420],
    [6_000, 300],
    [10_000, 500],
  ])("fittingNodesEnough() of %d nodes is %d", (count, expected) => {
    expect(fittingNodesEnough(count)).toBe(expected);
  });
});

describe("totalScores()", () => {
  it("adds the plugins up by their weights", () => {
    const soft = { key: "k", effect: "PreferNoSchedule" };
    const nodes = [node("a", { spec: { taints: [soft] } }), node("b")];
    // Taints 0 and 100 by 3; empty nodes alike: 97 of cpu and 97 of memory are left, no request to
    // balance.
    expect(totalScores(DEFAULT_PLUGINS.scores, podInfo(podOf("p")), nodes)).toEqual([97, 397]);
  });
});
