import { describe, expect, it } from "vitest";
import { matchesLabels, parseLabelSelector, selectorText } from "./label-selector.js";
import { parseFieldSelector } from "./field-selector.js";

describe("parseLabelSelector()", () => {
  const cases: readonly (readonly [string, Record<string, string>, boolean])[] = [
    ["", {}, true],
    ["a=b", { a: "b" }, true],
    ["a==b,c!=d", { a: "b" }, true],
    ["a=b,c!=d", { a: "b", c: "d" }, false],
    ["a in (b, c)", { a: "c" }, true],
    ["a notin (b,c),x", { x: "" }, true],
    ["a notin (b,c)", { a: "b" }, false],
    ["!a", {}, true],
    ["!a", { a: "" }, false],
    ["example.com/x=y", { "example.com/x": "y" }, true],
  ];
  for (const [selector, labels, expected] of cases) {
    it(`"${selector}" ${expected ? "matches" : "does not match"} ${JSON.stringify(labels)}`, () => {
      expect(parseLabelSelector(selector)(labels)).toBe(expected);
    });
  }

  it("refuses what it cannot parse", () => {
    expect(() => parseLabelSelector("a=b=c d")).toThrow("unable to parse requirement");
  });
});

it("matchesLabels() and selectorText() agree", () => {
  const selector = {
    matchLabels: { app: "web" },
    matchExpressions: [
      { key: "tier", operator: "In", values: ["a", "b"] },
      { key: "old", operator: "DoesNotExist" },
    ],
  };
  for (const labels of [
    { app: "web", tier: "a" },
    { app: "web" },
    { app: "web", tier: "b", old: "" },
  ]) {
    expect(parseLabelSelector(selectorText(selector))(labels)).toBe(
      matchesLabels(selector, labels),
    );
  }
});

it("parseFieldSelector() refuses fields that the resource does not support", () => {
  const pod = { metadata: { name: "p" }, spec: { nodeName: "n" } };
  expect(parseFieldSelector("pods", "spec.nodeName=n,metadata.name!=q")(pod)).toBe(true);
  expect(parseFieldSelector("pods", "status.phase=Running")(pod)).toBe(false);
  expect(() => parseFieldSelector("pods", "spec.x=y")).toThrow("field label not supported: spec.x");
});
