import { describe, expect, it } from "vitest";
import type { Pod, Toleration } from "./gen/core-v1.js";
import { tolerates } from "./tolerations.js";

const podWith = (...tolerations: Toleration[]): Pod => ({
  metadata: { name: "p" },
  spec: { containers: [], tolerations },
});

const TAINT = { key: "foo", value: "bar", effect: "NoSchedule" };

// The table of TestTolerationToleratesTaint (k8s.io/api/core/v1).
describe("tolerates()", () => {
  it.each<[string, Toleration, boolean]>([
    ["the same key, value and effect", { ...TAINT, operator: "Equal" }, true],
    ["no operator, which is Equal", TAINT, true],
    ["any effect", { key: "foo", operator: "Equal", value: "bar" }, true],
    ["any value", { key: "foo", operator: "Exists" }, true],
    ["any key", { operator: "Exists" }, true],
    ["any key of one effect", { operator: "Exists", effect: "NoSchedule" }, true],
    ["another effect", { ...TAINT, effect: "NoExecute" }, false],
    ["another value", { ...TAINT, value: "baz" }, false],
    ["no value", { key: "foo" }, false],
    ["another key", { key: "other", operator: "Exists" }, false],
    ["an operator that is not known", { ...TAINT, operator: "Lt" }, false],
  ])("tolerates() with %s", (_, toleration, expected) => {
    expect(tolerates(podWith(toleration), TAINT)).toBe(expected);
  });

  it("tolerates() nothing without tolerations", () => {
    expect(tolerates(podWith(), TAINT)).toBe(false);
  });

  it("tolerates() what any of several lets pass", () => {
    const tolerations = [
      { key: "other", operator: "Exists" },
      { key: "foo", operator: "Exists" },
    ];
    expect(tolerates(podWith(...tolerations), TAINT)).toBe(true);
  });
});
