import { describe, expect, it } from "vitest";
import { isMet, parseWaitCondition } from "./wait-condition.js";

const POD = {
  metadata: { name: "a", generation: 2 },
  status: {
    phase: "Running",
    conditions: [
      { type: "Ready", status: "True" },
      { type: "Old", status: "True", observedGeneration: 1 },
    ],
    addresses: [{ ip: "1" }, { ip: "2" }],
  },
};

describe("isMet()", () => {
  it.each([
    ["condition=Ready", true],
    ["condition=ready", true],
    ["condition=Ready=true", true],
    ["condition=Ready=False", false],
    ["condition=Absent", false],
    ["condition=Old", false],
    ["jsonpath={.status.phase}=Running", true],
    ["jsonpath='{.status.phase}'='Running'", true],
    ["jsonpath=.status.phase=Pending", false],
    ["jsonpath={.status.phase}", true],
    ["jsonpath={.status.nothing}", false],
    ['jsonpath={.status.conditions[?(@.type=="Ready")].status}=True', true],
    ["create", true],
    ["delete", false],
  ])("--for=%s is %s", (condition, met) => {
    expect(isMet(parseWaitCondition(condition), POD)).toBe(met);
  });

  it("of an object that is not there only delete is", () => {
    for (const text of ["condition=Ready", "jsonpath={.a}", "create"]) {
      expect(isMet(parseWaitCondition(text), undefined)).toBe(false);
    }
    expect(isMet(parseWaitCondition("delete"), undefined)).toBe(true);
  });

  it("refuses what cannot be compared", () => {
    const ask = (text: string) => () => isMet(parseWaitCondition(text), POD);
    expect(ask("jsonpath={.status.addresses[*].ip}=1")).toThrow("more than one value");
    expect(ask("jsonpath={.status.addresses}=1")).toThrow("a list");
  });
});

it.each(["", "foo", "condition=", "jsonpath=", "jsonpath={.a}="])(
  "parseWaitCondition() refuses %j",
  (text) => {
    expect(() => parseWaitCondition(text)).toThrow(/condition|jsonpath/);
  },
);
