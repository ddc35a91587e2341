import { describe, expect, it } from "vitest";
import type { Node, Pod, Taint, Toleration } from "../../api/gen/core-v1.js";
import { evictionMs, planNode } from "./plan.js";

const NOW = Date.parse("2026-01-01T01:00:00Z");
const BEFORE = "2026-01-01T00:00:00Z";
const UNREACHABLE = "node.kubernetes.io/unreachable";
const NOT_READY = "node.kubernetes.io/not-ready";

interface NodeTraits {
  readonly ready?: string;
  readonly taints?: readonly Taint[];
  readonly unschedulable?: boolean;
  readonly memoryPressure?: boolean;
}

function node({
  ready,
  taints = [],
  unschedulable = false,
  memoryPressure = false,
}: NodeTraits): Node {
  const times = { lastHeartbeatTime: BEFORE, lastTransitionTime: BEFORE };
  return {
    metadata: { name: "n", creationTimestamp: BEFORE },
    spec: { taints: [...taints], unschedulable },
    status: {
      conditions: [
        ...(ready === undefined ? [] : [{ type: "Ready", status: ready, ...times }]),
        ...(memoryPressure ? [{ type: "MemoryPressure", status: "True", ...times }] : []),
      ],
    },
  };
}

const plan = (of: Node, silentMs = 0) =>
  planNode({ node: of, silentMs, nowMs: NOW, graceMs: 50_000 });
const textsOf = (taints: readonly Taint[] | undefined): string[] | undefined =>
  taints?.map(({ key, effect }) => `${key}:${effect}`);

describe("planNode()", () => {
  it("changes nothing about a node that lives", () => {
    expect(plan(node({ ready: "True" }), 50_000)).toEqual({
      conditions: undefined,
      taints: undefined,
      isSilent: false,
    });
  });

  it("does not know how a node is that has been silent for longer than the grace period", () => {
    const { conditions, taints, isSilent } = plan(
      node({ ready: "True", memoryPressure: true }),
      50_001,
    );
    expect(isSilent).toBe(true);
    for (const condition of conditions ?? []) {
      expect(condition).toMatchObject({
        status: "Unknown",
        reason: "NodeStatusUnknown",
        message: "Kubelet stopped posting node status.",
        lastHeartbeatTime: BEFORE,
        lastTransitionTime: "2026-01-01T01:00:00Z",
      });
    }
    expect(conditions?.map(({ type }) => type)).toEqual(["Ready", "MemoryPressure"]);
    expect(textsOf(taints)).toEqual([`${UNREACHABLE}:NoSchedule`, `${UNREACHABLE}:NoExecute`]);
    expect(taints?.[1]?.timeAdded).toBe("2026-01-01T01:00:00Z");
  });

  it("gives a node that has never reported its minute", () => {
    expect(plan(node({}), 60_000)).toMatchObject({ conditions: undefined, taints: undefined });
    expect(plan(node({}), 60_001).conditions).toMatchObject([
      { type: "Ready", status: "Unknown", reason: "NodeStatusNeverUpdated" },
    ]);
  });

  it("taints by what conditions say, and keeps the taints of others", () => {
    const foreign: Taint = { key: "dedicated", value: "x", effect: "NoSchedule" };
    const sick = node({
      ready: "False",
      memoryPressure: true,
      unschedulable: true,
      taints: [foreign],
    });
    expect(textsOf(plan(sick).taints)).toEqual([
      "dedicated:NoSchedule",
      `${NOT_READY}:NoSchedule`,
      `${NOT_READY}:NoExecute`,
      "node.kubernetes.io/unschedulable:NoSchedule",
      "node.kubernetes.io/memory-pressure:NoSchedule",
    ]);
  });

  it("takes its taints back when the node is well, and only its own", () => {
    const taints: Taint[] = [
      { key: "dedicated", effect: "NoExecute" },
      { key: UNREACHABLE, effect: "NoSchedule" },
      { key: UNREACHABLE, effect: "NoExecute", timeAdded: BEFORE },
    ];
    expect(textsOf(plan(node({ ready: "True", taints })).taints)).toEqual(["dedicated:NoExecute"]);
  });

  it("keeps the time of a taint that stays", () => {
    const taints: Taint[] = [{ key: UNREACHABLE, effect: "NoExecute", timeAdded: BEFORE }];
    const { taints: after } = plan(node({ ready: "Unknown", taints }), 100_000);
    expect(after?.find(({ effect }) => effect === "NoExecute")?.timeAdded).toBe(BEFORE);
  });
});

describe("evictionMs()", () => {
  const taint: Taint = { key: UNREACHABLE, effect: "NoExecute", timeAdded: BEFORE };
  const since = Date.parse(BEFORE);
  const pod = (...tolerations: Toleration[]): Pod => ({
    metadata: { name: "p" },
    spec: { containers: [], tolerations },
  });
  const at = (of: Pod, ...taints: Taint[]): number | undefined =>
    evictionMs(of, node({ ready: "Unknown", taints }), () => NOW);

  it.each<[string, Toleration[], number | undefined]>([
    ["who does not tolerate it", [], since],
    ["who tolerates another", [{ key: "x", operator: "Exists" }], since],
    [
      "who tolerates it for a while",
      [{ key: UNREACHABLE, operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 }],
      since + 300_000,
    ],
    ["who tolerates it for ever", [{ key: UNREACHABLE, operator: "Exists" }], undefined],
    ["who tolerates everything", [{ operator: "Exists" }], undefined],
    [
      "who tolerates another effect of it",
      [{ key: UNREACHABLE, operator: "Exists", effect: "NoSchedule" }],
      since,
    ],
    [
      "whose first toleration of several counts",
      [
        { key: UNREACHABLE, operator: "Exists", tolerationSeconds: 60 },
        { key: UNREACHABLE, operator: "Exists", tolerationSeconds: 30 },
      ],
      since + 60_000,
    ],
    [
      "who tolerates it for less than no time",
      [{ key: UNREACHABLE, operator: "Exists", tolerationSeconds: -5 }],
      since,
    ],
  ])("says when a pod goes %s", (_who, tolerations, wanted) => {
    expect(at(pod(...tolerations), taint)).toBe(wanted);
  });

  it("takes the earliest of several taints", () => {
    const other: Taint = { key: "x", effect: "NoExecute", timeAdded: "2026-01-01T00:30:00Z" };
    const tolerant = pod({ key: UNREACHABLE, operator: "Exists", tolerationSeconds: 3_000 });
    expect(at(tolerant, taint, other)).toBe(since + 1_800_000);
  });

  it("counts a taint without a time from when it was seen, and compares values", () => {
    const valued: Taint = { key: "x", value: "1", effect: "NoExecute" };
    expect(at(pod({ key: "x", value: "1", tolerationSeconds: 10 }), valued)).toBe(NOW + 10_000);
    expect(at(pod({ key: "x", value: "2", tolerationSeconds: 10 }), valued)).toBe(NOW);
  });

  it("never evicts for a taint that only keeps new pods away", () => {
    expect(at(pod(), { key: "x", effect: "NoSchedule" })).toBeUndefined();
  });
});
