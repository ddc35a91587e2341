import { describe, expect, it } from "vitest";
import { ResourceMap, type ServerResource, shownName } from "./discovery.js";
import { parseTargets } from "./resource-arguments.js";

const resource = (
  group: string,
  name: string,
  more: Partial<ServerResource> & { readonly kind: string },
): ServerResource => ({
  group,
  version: "v1",
  resource: name,
  namespaced: true,
  singular: more.kind.toLowerCase(),
  shortNames: [],
  categories: [],
  verbs: ["list"],
  subresources: [],
  ...more,
});

const RESOURCES = new ResourceMap([
  resource("", "pods", { kind: "Pod", shortNames: ["po"], categories: ["all"] }),
  resource("", "services", { kind: "Service", shortNames: ["svc"], categories: ["all"] }),
  resource("", "events", { kind: "Event", shortNames: ["ev"] }),
  resource("apps", "deployments", {
    kind: "Deployment",
    shortNames: ["deploy"],
    categories: ["all"],
  }),
  resource("apps", "deployments", { kind: "Deployment", version: "v1beta1" }),
  resource("events.k8s.io", "events", { kind: "Event", shortNames: ["ev"] }),
  resource("example.com", "rafts", { kind: "Raft", singular: "" }),
]);

const targets = (...words: string[]): readonly string[] =>
  parseTargets(words, RESOURCES, "get").map(
    ({ resource: { group, version, resource: name }, name: object }) =>
      `${group}/${version}/${name}${object === undefined ? "" : `/${object}`}`,
  );

describe("ResourceMap.find()", () => {
  it.each([
    ["pods", "/v1/pods"],
    ["po", "/v1/pods"],
    ["Pod", "/v1/pods"],
    ["ev", "/v1/events"],
    ["events.events.k8s.io", "events.k8s.io/v1/events"],
    ["events.v1.events.k8s.io", "events.k8s.io/v1/events"],
    ["deploy.apps", "apps/v1/deployments"],
    ["deployments.v1beta1.apps", "apps/v1beta1/deployments"],
    ["deployments.app", "apps/v1/deployments"],
    ["pods.v1", "/v1/pods"],
  ])("%s is %s", (word, expected) => {
    expect(targets(word)).toEqual([expected]);
  });

  it.each(["foo", "pods.apps", "deployments.v2.apps"])("refuses %s", (word) => {
    expect(() => targets(word)).toThrow(`the server doesn't have a resource type "${word}"`);
  });
});

describe("parseTargets()", () => {
  it("unfolds types with commas, categories and names", () => {
    expect(targets("po,svc")).toEqual(["/v1/pods", "/v1/services"]);
    expect(targets("all")).toEqual(["/v1/pods", "/v1/services", "apps/v1/deployments"]);
    expect(targets("po,svc", "a", "b")).toEqual([
      "/v1/pods/a",
      "/v1/pods/b",
      "/v1/services/a",
      "/v1/services/b",
    ]);
    expect(targets("pod/a", "deploy/b")).toEqual(["/v1/pods/a", "apps/v1/deployments/b"]);
  });

  it.each([
    [["pod/a", "svc"], "there is no need to specify a resource type as a separate argument"],
    [["pod/"], "must have a single resource and name"],
    [["pod/a/b"], "must have a single resource and name"],
    [[], "Required resource not specified"],
  ])("refuses %j", (words, fault) => {
    expect(() => targets(...words)).toThrow(fault);
  });
});

it("shownName() is the singular, with its group", () => {
  expect(shownName(RESOURCES.find("po"), "a")).toBe("pod/a");
  expect(shownName(RESOURCES.find("deploy"), "a")).toBe("deployment.apps/a");
  expect(shownName(RESOURCES.find("rafts"), "a")).toBe("raft.example.com/a");
});
