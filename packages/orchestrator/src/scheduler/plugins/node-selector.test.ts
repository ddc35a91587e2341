import { describe, expect, it } from "vitest";
import type { NodeSelectorRequirement, NodeSelectorTerm } from "../../api/gen/core-v1.js";
import { nodeOf } from "../testing/cluster-objects.js";
import { matchesTerm } from "./node-selector.js";

const NODE = nodeOf("node-1", { labels: { foo: "bar", count: "10", name: "x" } });

const expression = (
  key: string,
  operator: string,
  ...values: string[]
): NodeSelectorRequirement => ({
  key,
  operator,
  ...(values.length > 0 ? { values } : {}),
});

describe("matchesTerm()", () => {
  it.each<[NodeSelectorRequirement, boolean]>([
    [expression("foo", "In", "bar", "baz"), true],
    [expression("foo", "In", "baz"), false],
    [expression("absent", "In", "bar"), false],
    [expression("foo", "NotIn", "baz"), true],
    [expression("foo", "NotIn", "bar"), false],
    [expression("absent", "NotIn", "bar"), true],
    [expression("foo", "Exists"), true],
    [expression("absent", "Exists"), false],
    [expression("foo", "DoesNotExist"), false],
    [expression("absent", "DoesNotExist"), true],
    [expression("count", "Gt", "9"), true],
    [expression("count", "Gt", "10"), false],
    [expression("count", "Lt", "11"), true],
    [expression("count", "Lt", "-11"), false],
    [expression("count", "Gt", "+9"), true],
    [expression("foo", "Gt", "9"), false],
    [expression("count", "Gt", "nine"), false],
    [expression("absent", "Lt", "9"), false],
    [expression("count", "Lt", "9999999999999999999"), false],
    [expression("count", "Lt", "9223372036854775807"), true],
    [expression("foo", "Like", "bar"), false],
  ])("matchesTerm() of %j is %s", (one, expected) => {
    expect(matchesTerm({ matchExpressions: [one] }, NODE)).toBe(expected);
  });

  it.each<[string, NodeSelectorTerm, boolean]>([
    ["nothing", {}, false],
    ["empty lists", { matchExpressions: [], matchFields: [] }, false],
    ["its name", { matchFields: [expression("metadata.name", "In", "node-1")] }, true],
    ["another name", { matchFields: [expression("metadata.name", "In", "node-2")] }, false],
    ["not another name", { matchFields: [expression("metadata.name", "NotIn", "node-2")] }, true],
    ["a field that there is not", { matchFields: [expression("metadata.uid", "Exists")] }, false],
    [
      "all of several",
      { matchExpressions: [expression("foo", "Exists"), expression("name", "In", "x")] },
      true,
    ],
    [
      "not all of several",
      {
        matchExpressions: [expression("foo", "Exists")],
        matchFields: [expression("metadata.name", "In", "node-2")],
      },
      false,
    ],
  ])("matchesTerm() of a term with %s", (_, term, expected) => {
    expect(matchesTerm(term, NODE)).toBe(expected);
  });
});
