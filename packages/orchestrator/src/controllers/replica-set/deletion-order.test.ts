import { describe, expect, it } from "vitest";
import type { Pod } from "../../api/gen/core-v1.js";
import { inDeletionOrder } from "./deletion-order.js";

const NOW = Date.parse("2026-01-02T00:00:00Z");
const HOUR = 3_600_000;

interface Traits {
  readonly node?: string;
  readonly phase?: string;
  readonly readyMs?: number;
  readonly cost?: string;
  readonly restarts?: number;
  readonly ageMs?: number;
}

function pod(name: string, traits: Traits = {}): Pod {
  const {
    node = "n",
    phase = "Running",
    readyMs = HOUR,
    cost,
    restarts = 0,
    ageMs = HOUR,
  } = traits;
  const text = (agoMs: number): string => new Date(NOW - agoMs).toISOString();
  const ready = { type: "Ready", status: "True", lastTransitionTime: text(readyMs) };
  return {
    metadata: {
      name,
      uid: name,
      creationTimestamp: text(ageMs),
      ...(cost === undefined
        ? {}
        : { annotations: { "controller.kubernetes.io/pod-deletion-cost": cost } }),
    },
    spec: { nodeName: node, containers: [] },
    status: {
      phase,
      conditions: readyMs < 0 ? [] : [ready],
      containerStatuses: [
        { name: "c", image: "", imageID: "", ready: true, restartCount: restarts },
      ],
    },
  };
}

const order = (pods: readonly Pod[], related: readonly Pod[] = pods): (string | undefined)[] =>
  inDeletionOrder(pods, { related, nowMs: NOW }).map(({ metadata }) => metadata.name);

describe("inDeletionOrder()", () => {
  // Each pair: the second would go first by every later rule, and still does not.
  it.each<[string, Traits, Traits]>([
    ["unassigned before assigned", { node: "" }, { phase: "Pending", readyMs: -1 }],
    ["Pending before Running", { phase: "Pending" }, { readyMs: -1, cost: "-5" }],
    ["Unknown before Running", { phase: "Unknown" }, { readyMs: -1, cost: "-5" }],
    ["not ready before ready", { readyMs: -1 }, { cost: "-5", restarts: 9 }],
    ["a lower deletion cost before a higher", { cost: "-1" }, { cost: "3", readyMs: 1_000 }],
    ["the later ready before the earlier", { readyMs: 1_000 }, { restarts: 9, ageMs: 1_000 }],
    ["more restarts before fewer", { restarts: 2 }, { restarts: 1, ageMs: 1_000 }],
    ["the newer before the older", { ageMs: 1_000 }, {}],
  ])("puts %s", (_what, first, second) => {
    expect(order([pod("b", second), pod("z", first)])).toEqual(["z", "b"]);
    expect(order([pod("z", first), pod("b", second)])).toEqual(["z", "b"]);
  });

  it("puts pods that are ready but not available yet before those that are, whatever their node", () => {
    const available = pod("b", { node: "crowded", cost: "-5" });
    const other = pod("other", { node: "crowded" });
    const fresh = pod("z", { node: "alone", readyMs: 4_000 });
    const related = [available, other, fresh];
    const sorted = inDeletionOrder([available, fresh], { related, nowMs: NOW, minReadyMs: 5_000 });
    expect(sorted).toEqual([fresh, available]);
  });

  it("puts pods with more siblings on their node first, those of other replica sets counted", () => {
    const crowded = pod("z", { node: "crowded" });
    const alone = pod("b", { node: "alone", readyMs: 1_000 });
    const other = pod("other", { node: "crowded" });
    expect(order([alone, crowded], [alone, crowded, other])).toEqual(["z", "b"]);
  });

  it("lets chance decide between pods of about the same age", () => {
    const older = pod("a", { readyMs: 1.9 * HOUR, ageMs: 1.9 * HOUR });
    const newer = pod("b", { readyMs: 1.8 * HOUR, ageMs: 1.8 * HOUR });
    expect(order([newer, older])).toEqual(["a", "b"]); // By uid, which is random.
  });
});
