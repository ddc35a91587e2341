import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Pod } from "../../api/gen/core-v1.js";
import { nodeInfoOf, nodeOf, podOf } from "../testing/cluster-objects.js";
import { ClusterCache } from "./cluster-cache.js";
import { podKey } from "./pod-info.js";

const NODES = ["a", "b", "c"];
const step = fc.oneof(
  fc.record({
    kind: fc.constant("pod" as const),
    name: fc.constantFrom("p", "q", "r", "s"),
    node: fc.constantFrom(...NODES),
    cpu: fc.integer({ min: 0, max: 500 }),
    generation: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({ kind: fc.constant("remove" as const), name: fc.constantFrom("p", "q", "r", "s") }),
  fc.record({ kind: fc.constant("node" as const), name: fc.constantFrom(...NODES) }),
  fc.record({ kind: fc.constant("no node" as const), name: fc.constantFrom(...NODES) }),
);

function pod(name: string, generation: number, cpu: number): Pod {
  const made = podOf(name, { requests: { cpu: `${cpu}m` } });
  return { ...made, metadata: { ...made.metadata, generation } };
}

describe("ClusterCache", () => {
  it("nodes() has the sums that counting anew gives, whatever happened (CC1, CC2)", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const cache = new ClusterCache();
        const nodes = new Set<string>();
        const places = new Map<string, { node: string; pod: Pod }>();
        let generation = 0;
        for (const one of steps) {
          if (one.kind === "pod") {
            // Every change of the spec has a generation of its own.
            const made = pod(one.name, ++generation, one.cpu);
            cache.setPod(made, one.node);
            places.set(one.name, { node: one.node, pod: made });
          } else if (one.kind === "remove") {
            cache.removePod(`uid-of-${one.name}`);
            places.delete(one.name);
          } else if (one.kind === "node") {
            cache.setNode(one.name, nodeOf(one.name));
            nodes.add(one.name);
          } else {
            cache.setNode(one.name, undefined);
            nodes.delete(one.name);
          }
        }
        const names = cache.nodes().map(({ node }) => node.metadata.name ?? "");
        expect(names.toSorted()).toEqual([...nodes].toSorted());
        for (const info of cache.nodes()) {
          const own = [...places.values()].filter(({ node }) => node === info.node.metadata.name);
          const fresh = nodeInfoOf(
            info.node,
            own.map((place) => place.pod),
          );
          expect(info.requested).toEqual(fresh.requested);
          expect(info.nonZeroRequested).toEqual(fresh.nonZeroRequested);
          expect(info.podCount).toBe(fresh.podCount);
        }
      }),
    );
  });

  it("setPod() keeps its sums when only the status changed", () => {
    const cache = new ClusterCache();
    cache.setNode("a", nodeOf("a"));
    const running = pod("p", 1, 250);
    cache.setPod(running, "a");
    const before = cache.nodes()[0]?.requested;
    cache.setPod({ ...running, status: { phase: "Running" } }, "a");
    expect(cache.nodes()[0]?.requested).toBe(before);
  });

  it("setPod() moves an assumed pod to where the API server says it is", () => {
    const cache = new ClusterCache();
    for (const name of NODES) cache.setNode(name, nodeOf(name));
    const assumed = pod("p", 1, 250);
    cache.setPod(assumed, "a");
    cache.setPod(assumed, "b");
    expect(cache.nodes().map(({ podCount }) => podCount)).toEqual([0, 1, 0]);
  });

  it("setNode() finds the pods that came before their node", () => {
    const cache = new ClusterCache();
    const early = pod("p", 1, 250);
    cache.setPod(early, "a");
    expect(cache.nodes()).toEqual([]);
    cache.setNode("a", nodeOf("a"));
    expect(cache.nodes()[0]?.podCount).toBe(1);
    expect(cache.hasPod(podKey(early))).toBe(true);
  });
});
