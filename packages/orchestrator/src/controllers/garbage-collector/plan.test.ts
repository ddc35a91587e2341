import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../api/resource.js";
import { FOREGROUND, ORPHAN, type OwnerState, planCollection } from "./plan.js";

function object(
  owners: readonly OwnerState[],
  more: Partial<KubeObject["metadata"]> = {},
): KubeObject {
  const ownerReferences = owners.map((state, i) => ({
    apiVersion: "v1",
    kind: "K",
    name: `${state}-${i}`,
    uid: `${state}-${i}`,
    blockOwnerDeletion: true,
  }));
  return { metadata: { name: "o", ownerReferences, ...more } };
}

const plan = (of: KubeObject, dependents: readonly KubeObject[] = []) =>
  planCollection({
    object: of,
    dependents,
    // The names of owners above begin with their state.
    stateOf: ({ uid }) => uid.split("-")[0] as OwnerState,
  });

const child: KubeObject = { metadata: { name: "child" } };
const goingChild: KubeObject = {
  metadata: { name: "child", deletionTimestamp: "now", finalizers: [FOREGROUND] },
};

describe("planCollection()", () => {
  it("keeps what has no owners, and what has all of them", () => {
    expect(plan(object([])).kind).toBe("keep");
    expect(plan(object(["solid", "solid"])).kind).toBe("keep");
  });

  it("drops references to owners that are gone or going where another stays", () => {
    const action = plan(object(["dangling", "solid", "waiting"]));
    const owners = action.kind === "set-owners" ? action.owners.map(({ uid }) => uid) : [];
    expect(owners).toEqual(["solid-1"]);
  });

  it.each<[readonly OwnerState[], readonly string[], string]>([
    [["dangling"], [], "Background"],
    [["dangling", "dangling"], [], "Background"],
    [["waiting"], [], "Background"],
    [["dangling"], [ORPHAN], "Orphan"],
    [["dangling"], [FOREGROUND], "Foreground"],
  ])(
    "deletes what only has owners that are %j, with finalizers %j: %s",
    (owners, finalizers, policy) => {
      expect(plan(object(owners, { finalizers }))).toEqual({ kind: "delete", policy });
    },
  );

  it("passes a foreground deletion on to what has dependents itself", () => {
    expect(plan(object(["waiting"]), [child])).toEqual({ kind: "delete", policy: "Foreground" });
    expect(plan(object(["dangling"]), [child])).toEqual({ kind: "delete", policy: "Background" });
  });

  it("stops blocking its owner where the two own each other", () => {
    const action = plan(object(["waiting"]), [goingChild]);
    expect(action).toMatchObject({
      kind: "delete",
      policy: "Foreground",
      unblocked: [{ uid: "waiting-0", blockOwnerDeletion: false }],
    });
  });
});
