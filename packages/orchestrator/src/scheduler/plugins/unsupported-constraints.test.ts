import { describe, expect, it } from "vitest";
import type { PodSpec } from "../../api/gen/core-v1.js";
import { nodeInfoOf, nodeOf, podOf, refusalBy } from "../testing/cluster-objects.js";
import { unsupportedConstraints } from "./unsupported-constraints.js";

const node = nodeInfoOf(nodeOf("a"));
const term = { topologyKey: "kubernetes.io/hostname" };
const spread = { maxSkew: 1, topologyKey: "kubernetes.io/hostname" };

describe("UnsupportedConstraints", () => {
  it.each<[string, Partial<PodSpec>, string]>([
    [
      "required pod affinity",
      { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } },
      "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution",
    ],
    [
      "required pod anti-affinity",
      { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } },
      "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution",
    ],
    [
      "a hard spread constraint",
      { topologySpreadConstraints: [{ ...spread, whenUnsatisfiable: "DoNotSchedule" }] },
      "spec.topologySpreadConstraints with DoNotSchedule",
    ],
  ])("filter() refuses %s", (_, spec, field) => {
    expect(refusalBy(unsupportedConstraints, podOf("p", { spec }), node)?.reasons).toEqual([
      `node(s) couldn't be judged: ${field} is not supported by this scheduler yet`,
    ]);
  });

  it("filter() lets soft constraints pass", () => {
    const spec = {
      topologySpreadConstraints: [{ ...spread, whenUnsatisfiable: "ScheduleAnyway" }],
    };
    expect(refusalBy(unsupportedConstraints, podOf("p", { spec }), node)).toBeUndefined();
  });
});
