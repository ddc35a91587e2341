import { describe, expect, it } from "vitest";
import { isTrue, parseRequestPath, parseRequestUrl, requestVerb } from "./request-info.js";

const NONE = {
  group: "",
  version: "v1",
  namespace: undefined,
  name: undefined,
  subresource: undefined,
};

describe("parseRequestPath()", () => {
  it.each([
    ["/api/v1/pods", { ...NONE, resource: "pods" }],
    ["/api/v1/namespaces/a/pods", { ...NONE, resource: "pods", namespace: "a" }],
    ["/api/v1/namespaces/a/pods/p", { ...NONE, resource: "pods", namespace: "a", name: "p" }],
    [
      "/api/v1/namespaces/a/pods/p/log",
      { ...NONE, resource: "pods", namespace: "a", name: "p", subresource: "log" },
    ],
    ["/api/v1/namespaces", { ...NONE, resource: "namespaces" }],
    ["/api/v1/namespaces/a", { ...NONE, resource: "namespaces", name: "a" }],
    [
      "/api/v1/namespaces/a/finalize",
      { ...NONE, resource: "namespaces", name: "a", subresource: "finalize" },
    ],
    [
      "/apis/apps/v1/namespaces/a/deployments/d/scale",
      {
        ...NONE,
        group: "apps",
        resource: "deployments",
        namespace: "a",
        name: "d",
        subresource: "scale",
      },
    ],
    [
      "/api/v1/nodes/n/proxy/a/b",
      { ...NONE, resource: "nodes", name: "n", subresource: "proxy/a/b" },
    ],
    [
      "/api/v1/namespaces/a/configmaps/%E6%BC%A2",
      { ...NONE, resource: "configmaps", namespace: "a", name: "漢" },
    ],
  ])("%s", (path, expected) => {
    expect(parseRequestPath(path)).toEqual(expected);
  });

  it.each(["/", "/api", "/api/v1", "/apis/apps/v1", "/version", "/openapi/v3/api/v1"])(
    "%s is no resource's",
    (path) => {
      expect(parseRequestPath(path)).toBeUndefined();
    },
  );

  it.each([
    ["/api/v1/nodes/a%2Fb", `invalid resource name "a/b": [may not contain '/']`],
    ["/api/v1/nodes/..", `invalid resource name "..": [may not be '..']`],
    ["/api/v1/nodes/%25", `invalid resource name "%": [may not contain '%']`],
    ["/api/v1/namespaces/%2e/pods/p", `invalid namespace name ".": [may not be '.']`],
    ["/api/v1/nodes/%e0", `the path segment "%e0" is not correctly percent-encoded`],
  ])("%s is refused", (path, message) => {
    expect(() => parseRequestPath(path)).toThrow(message);
  });
});

describe("parseRequestUrl()", () => {
  it("leaves the path as it was sent", () => {
    const url = parseRequestUrl("/a/../b//c?x=1&x=%32#y");
    expect(url.path).toBe("/a/../b//c");
    expect(url.searchParams.getAll("x")).toEqual(["1", "2#y"]);
    expect(parseRequestUrl("https://host:6443/api?watch").search).toBe("?watch");
    expect(parseRequestUrl("https://host").path).toBe("/");
    expect(parseRequestUrl("//").path).toBe("//");
  });
});

describe("requestVerb()", () => {
  it.each([
    ["GET", "/api/v1/nodes", "list"],
    ["GET", "/api/v1/nodes?watch=1", "watch"],
    ["GET", "/api/v1/nodes?watch", "watch"],
    ["GET", "/api/v1/nodes?watch=false", "list"],
    ["GET", "/api/v1/nodes/n", "get"],
    ["GET", "/api/v1/nodes/n/status?watch=true", "get"],
    ["POST", "/api/v1/nodes", "create"],
    ["PUT", "/api/v1/nodes/n", "update"],
    ["PATCH", "/api/v1/nodes/n", "patch"],
    ["DELETE", "/api/v1/nodes/n", "delete"],
    ["DELETE", "/api/v1/nodes", "deletecollection"],
    ["TRACE", "/api/v1/nodes", undefined],
  ])("%s %s is %s", (method, text, verb) => {
    const url = parseRequestUrl(text);
    const info = parseRequestPath(url.path);
    expect(info && requestVerb(method, { info, url })).toBe(verb);
  });
});

describe("isTrue()", () => {
  it("is as apimachinery reads a boolean", () => {
    expect(["", "true", "1", "yes"].map(isTrue)).toEqual([true, true, true, true]);
    expect([null, "false", "False", "0"].map(isTrue)).toEqual([false, false, false, false]);
  });
});
