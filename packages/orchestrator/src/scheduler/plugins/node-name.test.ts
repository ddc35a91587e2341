import { describe, expect, it } from "vitest";
import { nodeInfoOf, nodeOf, podOf, refusalBy } from "../testing/cluster-objects.js";
import { nodeName } from "./node-name.js";

const node = nodeInfoOf(nodeOf("a"));

describe("NodeName", () => {
  it.each([
    ["no node", "", undefined],
    ["this node", "a", undefined],
    [
      "another node",
      "b",
      { reasons: ["node(s) didn't match the requested node name"], resolvable: false },
    ],
  ])("filter() of a pod that names %s", (_, name, expected) => {
    expect(refusalBy(nodeName, podOf("p", { spec: { nodeName: name } }), node)).toEqual(expected);
  });
});
