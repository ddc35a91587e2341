import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Schema, type SchemaFacts } from "../schema/schema.js";
import { jsonPatch } from "./json-patch.js";
import { mergePatch } from "./merge-patch.js";
import { strategicMergePatch } from "./strategic-merge-patch.js";

const schema = new Schema(
  JSON.parse(
    readFileSync(new URL("../../../schema/kubernetes-1.35.json", import.meta.url), "utf8"),
  ) as SchemaFacts,
);

it("mergePatch() removes by null and replaces lists", () => {
  expect(
    mergePatch({ a: 1, b: { c: 2, d: 3 }, e: [1] }, { a: null, b: { c: null }, e: [2] }),
  ).toEqual({
    b: { d: 3 },
    e: [2],
  });
});

describe("jsonPatch()", () => {
  it("does each operation of RFC 6902", () => {
    const patch = [
      { op: "test", path: "/a", value: 1 },
      { op: "add", path: "/list/1", value: "x" },
      { op: "add", path: "/list/-", value: "end" },
      { op: "replace", path: "/a", value: 2 },
      { op: "move", from: "/old", path: "/new~1key" },
      { op: "copy", from: "/a", path: "/b" },
      { op: "remove", path: "/list/0" },
    ];
    expect(jsonPatch({ a: 1, list: [1, 2], old: "o" }, patch)).toEqual({
      a: 2,
      b: 2,
      list: ["x", 2, "end"],
      "new/key": "o",
    });
  });

  it("refuses what does not fit", () => {
    expect(() => jsonPatch({ a: 1 }, [{ op: "test", path: "/a", value: 2 }])).toThrow(
      "testing value /a failed",
    );
    expect(() => jsonPatch({ a: [1] }, [{ op: "add", path: "/a/5", value: 2 }])).toThrow(
      "does not exist",
    );
    expect(() => jsonPatch({}, [{ op: "jump", path: "/a" }])).toThrow('unknown operation "jump"');
  });
});

describe("strategicMergePatch()", () => {
  const POD_SPEC = "io.k8s.api.core.v1.PodSpec";
  const document = {
    containers: [
      { name: "a", image: "a:1", env: [{ name: "X", value: "1" }] },
      { name: "b", image: "b:1" },
    ],
    tolerations: [{ key: "t" }],
  };
  const patched = (patch: unknown) => strategicMergePatch(schema, POD_SPEC, { document, patch });

  it("merges lists by their key, also inside each other", () => {
    const env = [
      { name: "Y", value: "2" },
      { name: "X", $patch: "delete" },
    ];
    expect(patched({ containers: [{ name: "a", env }] })).toEqual({
      ...document,
      containers: [
        { name: "a", image: "a:1", env: [{ name: "Y", value: "2" }] },
        document.containers[1],
      ],
    });
  });

  it("orders, deletes and adds items; atomic lists are replaced", () => {
    expect(
      patched({
        "$setElementOrder/containers": [{ name: "c" }, { name: "a" }],
        containers: [
          { name: "c", image: "c:1" },
          { name: "b", $patch: "delete" },
        ],
        tolerations: [{ key: "u" }],
      }),
    ).toEqual({
      containers: [{ name: "c", image: "c:1" }, document.containers[0]],
      tolerations: [{ key: "u" }],
    });
  });

  it("replaces a map by directive, and names a missing merge key", () => {
    expect(
      strategicMergePatch(schema, "io.k8s.api.core.v1.Pod", {
        document: { spec: document },
        patch: { spec: { $patch: "replace", hostNetwork: true } },
      }),
    ).toEqual({ spec: { hostNetwork: true } });
    expect(() => patched({ containers: [{ image: "x" }] })).toThrow(
      "does not contain declared merge key: name",
    );
  });
});
