import { describe, expect, it } from "vitest";
import type { Pod } from "../gen/core-v1.js";
import { validateUpdate } from "./validate-kind.js";

const PODS = { qualified: "pods", namespaced: true };

function gatedPod(...gates: string[]): Pod {
  return {
    metadata: { name: "gated", namespace: "default" },
    spec: {
      containers: [{ name: "main", image: "none" }],
      ...(gates.length > 0 ? { schedulingGates: gates.map((name) => ({ name })) } : {}),
    },
  };
}

describe("validateUpdate() of a pod", () => {
  it("lets gates be removed, one or all", () => {
    expect(validateUpdate(PODS, gatedPod("a.io/x"), gatedPod("a.io/x", "a.io/y"))).toEqual([]);
    expect(validateUpdate(PODS, gatedPod(), gatedPod("a.io/x"))).toEqual([]);
  });

  it("refuses a gate that was not there", () => {
    expect(validateUpdate(PODS, gatedPod("a.io/x"), gatedPod())).toMatchObject([
      {
        field: "spec.schedulingGates",
        message: "Forbidden: only deletion is allowed, but found new scheduling gate 'a.io/x'",
      },
    ]);
  });

  it("refuses another command and takes another image", () => {
    const pod = gatedPod();
    const [main] = pod.spec?.containers ?? [];
    const withMain = (change: object): Pod => ({
      ...pod,
      spec: { ...pod.spec, containers: [{ name: "main", ...main, ...change }] },
    });
    expect(validateUpdate(PODS, withMain({ image: "other" }), pod)).toEqual([]);
    expect(validateUpdate(PODS, withMain({ command: ["x"] }), pod)).toMatchObject([
      { field: "spec" },
    ]);
  });
});
