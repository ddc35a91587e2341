import { describe, expect, it } from "vitest";
import type { KubeObject } from "../api/resource.js";
import { planClaim } from "./claim.js";

const owner: KubeObject = { metadata: { namespace: "ns", name: "o", uid: "o" } };
const going: KubeObject = { metadata: { ...owner.metadata, deletionTimestamp: "now" } };
const selector = { matchLabels: { app: "a" } };

function object(
  name: string,
  { app = "a", controller, ns = "ns" }: { app?: string; controller?: string; ns?: string } = {},
): KubeObject {
  const reference = {
    apiVersion: "v1",
    kind: "K",
    name: "n",
    uid: controller ?? "",
    controller: true,
  };
  const ownerReferences = controller === undefined ? [] : [reference];
  return { metadata: { namespace: ns, name, labels: { app }, ownerReferences } };
}

const all = [
  object("owned", { controller: "o" }),
  object("strayed", { controller: "o", app: "b" }),
  object("orphan"),
  object("orphan-of-others", { app: "b" }),
  object("another's", { controller: "x" }),
  object("elsewhere", { ns: "other" }),
];

const names = (plan: ReturnType<typeof planClaim>): Record<string, (string | undefined)[]> =>
  Object.fromEntries(
    Object.entries(plan).map(([kind, list]) => [
      kind,
      // Each part of a claim is a list of objects.
      (list as readonly KubeObject[]).map(({ metadata }) => metadata.name),
    ]),
  );

describe("planClaim()", () => {
  it("owns, adopts and releases by selector and owner, within the namespace", () => {
    expect(names(planClaim(owner, selector, all))).toEqual({
      owned: ["owned"],
      adopt: ["orphan"],
      release: ["strayed"],
    });
  });

  it("neither adopts nor releases for an owner that is being deleted", () => {
    expect(names(planClaim(going, selector, all))).toEqual({
      owned: ["owned"],
      adopt: [],
      release: [],
    });
  });

  it.each([undefined, {}, { matchLabels: {} }])(
    "adopts nothing by the empty selector %j",
    (empty) => {
      expect(planClaim(owner, empty, all).adopt).toEqual([]);
    },
  );
});
