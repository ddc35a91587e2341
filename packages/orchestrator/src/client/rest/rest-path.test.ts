import { describe, expect, it } from "vitest";
import { DEPLOYMENTS, NODES, PODS } from "../../api/resources.js";
import { queryText, resourcePath } from "./rest-path.js";

describe("resourcePath()", () => {
  it("tells core from groups and namespaced from cluster-scoped", () => {
    expect(resourcePath(PODS, { namespace: "a", name: "b", subresource: "log" })).toBe(
      "/api/v1/namespaces/a/pods/b/log",
    );
    expect(resourcePath(DEPLOYMENTS)).toBe("/apis/apps/v1/deployments");
    expect(resourcePath(NODES, { namespace: "ignored", name: "n" })).toBe("/api/v1/nodes/n");
  });

  it("escapes what a name may not hold", () => {
    expect(resourcePath(PODS, { namespace: "a/b", name: "?" })).toBe(
      "/api/v1/namespaces/a%2Fb/pods/%3F",
    );
  });
});

it("queryText() leaves out what is undefined or empty", () => {
  expect(queryText({ a: 1, b: undefined, c: "", d: true, e: "x=y" })).toBe("?a=1&d=true&e=x%3Dy");
  expect(queryText({})).toBe("");
});
