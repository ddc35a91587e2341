import { describe, expect, it } from "vitest";
import type { Pod, PodSpec } from "../../api/gen/core-v1.js";
import { DEFAULT_PLUGINS } from "../plugins/default-plugins.js";
import { nodeInfoOf, nodeOf, podInfo, podOf } from "../testing/cluster-objects.js";
import { preemptionOutlook } from "./preemption-outlook.js";
import type { CandidateNode } from "./plugin.js";

const ROOM = { cpu: "1", memory: "1Gi", pods: "10" };

const pod = (name: string, cpu: string, spec: Partial<PodSpec> = {}): Pod => {
  const made = podOf(name, { requests: { cpu } });
  return { ...made, spec: { containers: made.spec?.containers ?? [], ...spec } };
};
const node = (name: string, ...pods: Pod[]): CandidateNode =>
  nodeInfoOf(nodeOf(name, { allocatable: ROOM }), pods);

function outlook(incoming: Pod, ...nodes: CandidateNode[]): string {
  const info = podInfo(incoming);
  const filters = DEFAULT_PLUGINS.filters.flatMap((plugin) => plugin.filter(info) ?? []);
  const refused = nodes.flatMap((one) => {
    const refusal = filters.flatMap((filter) => filter(one) ?? [])[0];
    return refusal ? [{ node: one, refusal }] : [];
  });
  expect(refused).toHaveLength(nodes.length);
  return preemptionOutlook(info, { nodeCount: nodes.length, refused, filters });
}

describe("preemptionOutlook()", () => {
  it("is not helpful where the node is too small for the pod", () => {
    expect(outlook(pod("p", "2"), node("a"), node("b"))).toBe(
      "0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
    );
  });

  it("finds no victims where all pods are as important", () => {
    const full = node("a", pod("q", "1"));
    expect(outlook(pod("p", "500m"), full)).toBe(
      "0/1 nodes are available: 1 No preemption victims found for incoming pod.",
    );
  });

  it("tells what is in the way even without the lesser pods", () => {
    const mixed = node("a", pod("lesser", "100m"), pod("equal", "900m", { priority: 5 }));
    expect(outlook(pod("p", "500m", { priority: 5 }), mixed)).toBe(
      "0/1 nodes are available: 1 Insufficient cpu.",
    );
  });

  it("says that it is not supported where it would help", () => {
    const full = node("a", pod("lesser", "1"));
    expect(outlook(pod("p", "500m", { priority: 5 }), full)).toBe(
      "0/1 nodes are available: 1 Preemption is not supported by this scheduler yet.",
    );
  });

  it("is not eligible when the pod says never", () => {
    const full = node("a", pod("lesser", "1"));
    expect(outlook(pod("p", "500m", { priority: 5, preemptionPolicy: "Never" }), full)).toBe(
      "not eligible due to preemptionPolicy=Never.",
    );
  });
});
