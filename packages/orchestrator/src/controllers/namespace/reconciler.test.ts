import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ApiError } from "../../api/api-status.js";
import type { Namespace, Pod } from "../../api/gen/core-v1.js";
import { keyOf } from "../../api/resource.js";
import { CONFIG_MAPS, NAMESPACES, PODS, SECRETS } from "../../api/resources.js";
import type { ObjectClient } from "../../client/object-client.js";
import { type ControllerCluster, openControllerCluster } from "../testing/controller-cluster.js";
import { NamespaceController } from "./reconciler.js";

let cluster: ControllerCluster;
let failing: string | undefined;

beforeEach(async () => {
  failing = undefined;
  cluster = await openControllerCluster({
    controllers: (context) => [new NamespaceController(context)],
    through: (client) => refusing(client),
  });
  await cluster.client.create(NAMESPACES, { metadata: { name: "going" } });
});
afterEach(() => cluster.close());

/** A client that cannot list the resource that is failing now. */
function refusing(client: ObjectClient): ObjectClient {
  const methods = ["get", "watch", "create", "update", "patch", "delete", "resources"] as const;
  const rest = Object.fromEntries(methods.map((name) => [name, client[name].bind(client)]));
  const list: ObjectClient["list"] = (resource, options) => {
    if (resource.resource !== failing) return client.list(resource, options);
    return Promise.reject(new ApiError("ServiceUnavailable", "not now"));
  };
  return { ...rest, list } as unknown as ObjectClient; // All that a controller calls.
}

const IN = { namespace: "going" };

async function bound(name: string): Promise<Pod> {
  const pod = await cluster.client.create(PODS, {
    metadata: { ...IN, name },
    spec: { containers: [{ name: "c", image: "i" }] },
  });
  const target = { kind: "Node", name: "node-1" };
  const binding = { metadata: { ...IN, name }, target };
  await cluster.client.createSubresource(PODS, keyOf(pod), "binding", binding);
  return pod;
}

const present = async (): Promise<Namespace | undefined> => {
  const { items } = await cluster.client.list(NAMESPACES);
  return items.find(({ metadata }) => metadata.name === "going");
};

async function conditions(): Promise<Record<string, string>> {
  const all = (await present())?.status?.conditions ?? [];
  return Object.fromEntries(
    all.filter(({ status }) => status === "True").map(({ type, message }) => [type, message ?? ""]),
  );
}

describe("NamespaceController", () => {
  it("empties a namespace that is being deleted, and lets it go", async () => {
    for (const name of ["a", "b"]) {
      await cluster.client.create(CONFIG_MAPS, { metadata: { ...IN, name } });
      await cluster.client.create(SECRETS, { metadata: { ...IN, name } });
    }
    await cluster.client.delete(NAMESPACES, { name: "going" });
    await cluster.elapse(100);
    expect(await present()).toBeUndefined();
    expect((await cluster.client.list(CONFIG_MAPS, IN)).items).toEqual([]);
  });

  it("lets pods end first, all else after them, and tells what remains", async () => {
    const pod = await bound("p");
    await cluster.client.create(SECRETS, { metadata: { ...IN, name: "needed" } });
    await cluster.client.delete(NAMESPACES, { name: "going" });
    await cluster.elapse(5_000);
    expect((await cluster.client.get(PODS, keyOf(pod))).metadata.deletionTimestamp).toBeDefined();
    expect((await cluster.client.list(SECRETS, IN)).items).toHaveLength(1);
    expect(await conditions()).toEqual({
      NamespaceContentRemaining: "Some resources are remaining: pods. has 1 resource instances",
    });
    await cluster.client.delete(PODS, keyOf(pod), { gracePeriodSeconds: 0 });
    await cluster.elapse(2_000);
    expect(await present()).toBeUndefined();
  });

  it("waits for what has finalizers, and names them", async () => {
    const held = { metadata: { ...IN, name: "held", finalizers: ["example.com/hold"] } };
    await cluster.client.create(CONFIG_MAPS, held);
    await cluster.client.delete(NAMESPACES, { name: "going" });
    await cluster.elapse(5_000);
    expect((await conditions())["NamespaceFinalizersRemaining"]).toBe(
      "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
    );
    const patch = { metadata: { finalizers: [] } };
    await cluster.client.patch(CONFIG_MAPS, keyOf(held), patch, { type: "merge" });
    await cluster.elapse(2_000);
    expect(await present()).toBeUndefined();
  });

  it("goes on past a resource that cannot be listed, but does not let the namespace go", async () => {
    failing = "secrets";
    await cluster.client.create(SECRETS, { metadata: { ...IN, name: "s" } });
    await cluster.client.create(CONFIG_MAPS, { metadata: { ...IN, name: "c" } });
    await cluster.client.delete(NAMESPACES, { name: "going" });
    await cluster.elapse(5_000);
    expect((await cluster.client.list(CONFIG_MAPS, IN)).items).toEqual([]);
    expect((await conditions())["NamespaceDeletionContentFailure"]).toBe(
      "Failed to delete all resource types, 1 remaining: secrets: not now",
    );
    failing = undefined;
    await cluster.until(async () => (await present()) === undefined, 20_000);
  });

  it("leaves the finalizers of others in the namespace", async () => {
    const finalizers = ["kubernetes", "example.com/mine"];
    const { metadata } = (await present()) ?? { metadata: { name: "going" } };
    const held = { metadata, spec: { finalizers } };
    await cluster.client.update(NAMESPACES, held, { subresource: "finalize" });
    await cluster.client.delete(NAMESPACES, { name: "going" });
    await cluster.elapse(5_000);
    expect((await present())?.spec?.finalizers).toEqual(["example.com/mine"]);
  });

  it("touches no namespace that is not being deleted", async () => {
    await cluster.client.create(CONFIG_MAPS, { metadata: { ...IN, name: "kept" } });
    await cluster.elapse(60_000);
    expect((await cluster.client.list(CONFIG_MAPS, IN)).items).not.toEqual([]);
  });
});
