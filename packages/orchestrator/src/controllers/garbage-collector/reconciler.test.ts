import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ConfigMap } from "../../api/gen/core-v1.js";
import type { OwnerReference } from "../../api/gen/meta-v1.js";
import { keyOf } from "../../api/resource.js";
import { CONFIG_MAPS, NAMESPACES, SECRETS } from "../../api/resources.js";
import type { ObjectClient } from "../../client/object-client.js";
import { settle } from "../../testing/virtual-time.js";
import { type ControllerCluster, openControllerCluster } from "../testing/controller-cluster.js";
import { GarbageCollector } from "./reconciler.js";

let cluster: ControllerCluster;
/** Called before each write of the collector, on the registry itself. */
let beforeWrite: (client: ObjectClient) => Promise<void> = () => Promise.resolve();

beforeEach(async () => {
  beforeWrite = () => Promise.resolve();
  cluster = await openControllerCluster({
    controllers: async (context) => [
      new GarbageCollector(context, await context.client.resources()),
    ],
    through: interposed,
  });
});
afterEach(() => cluster.close());

function interposed(client: ObjectClient): ObjectClient {
  const methods = ["get", "list", "watch", "create", "update", "resources"] as const;
  const rest = Object.fromEntries(methods.map((name) => [name, client[name].bind(client)]));
  const patch: ObjectClient["patch"] = async (...call) => {
    await beforeWrite(client);
    return client.patch(...call);
  };
  const remove: ObjectClient["delete"] = async (...call) => {
    await beforeWrite(client);
    return client.delete(...call);
  };
  return { ...rest, patch, delete: remove } as unknown as ObjectClient; // All that it calls.
}

interface Traits {
  readonly block?: boolean;
  readonly finalizers?: readonly string[];
}

/** Config maps serve: the collector looks at metadata alone. */
function make(name: string, owners: readonly ConfigMap[] = [], traits: Traits = {}) {
  const { block = false, finalizers = [] } = traits;
  const ownerReferences = owners.map((owner) => refTo(owner, { block }));
  return cluster.client.create(CONFIG_MAPS, {
    metadata: { namespace: "default", name, ownerReferences, finalizers },
  });
}

function refTo({ metadata }: ConfigMap, { block = false } = {}): OwnerReference {
  const { name = "", uid = "" } = metadata;
  return { apiVersion: "v1", kind: "ConfigMap", name, uid, blockOwnerDeletion: block };
}

async function names(): Promise<string[]> {
  await cluster.elapse(100);
  const { items } = await cluster.client.list(CONFIG_MAPS, { namespace: "default" });
  return items.map(({ metadata }) => metadata.name ?? "").toSorted();
}

const get = (name: string): Promise<ConfigMap> =>
  cluster.client.get(CONFIG_MAPS, { namespace: "default", name });
const remove = (object: ConfigMap, propagationPolicy: "Background" | "Foreground" | "Orphan") =>
  cluster.client.delete(CONFIG_MAPS, keyOf(object), { propagationPolicy });
const release = (object: ConfigMap) =>
  cluster.client.patch(
    CONFIG_MAPS,
    keyOf(object),
    { metadata: { finalizers: [] } },
    { type: "merge" },
  );

describe("GarbageCollector", () => {
  it("Background: deletes what is owned after its owner, through all generations", async () => {
    const owner = await make("a");
    const child = await make("b", [owner]);
    await make("c", [child]);
    await make("free");
    expect(await names()).toEqual(["a", "b", "c", "free"]);
    await remove(owner, "Background");
    expect(await names()).toEqual(["free"]);
  });

  it("keeps what has another owner, without the reference to the one that is gone", async () => {
    const [first, second] = [await make("a"), await make("b")];
    await make("c", [first, second]);
    await remove(first, "Background");
    expect(await names()).toEqual(["b", "c"]);
    expect((await get("c")).metadata.ownerReferences).toEqual([refTo(second)]);
    await remove(second, "Background");
    expect(await names()).toEqual([]);
  });

  it("Orphan: lets the owned live, without an owner", async () => {
    const owner = await make("a");
    await make("b", [owner]);
    await cluster.elapse(100);
    await remove(owner, "Orphan");
    expect(await names()).toEqual(["b"]);
    expect((await get("b")).metadata.ownerReferences ?? []).toEqual([]);
  });

  it("Foreground: the owner waits for those that block it, and for those that these wait for", async () => {
    const owner = await make("a");
    const child = await make("b", [owner], { block: true });
    const grandchild = await make("c", [child], { block: true, finalizers: ["example.com/x"] });
    await make("d", [owner], { finalizers: ["example.com/x"] });
    await cluster.elapse(100);
    await remove(owner, "Foreground");
    expect(await names()).toEqual(["a", "b", "c", "d"]);
    for (const name of ["a", "b", "c", "d"]) {
      expect((await get(name)).metadata.deletionTimestamp).toBeDefined();
    }
    await release(grandchild);
    expect(await names()).toEqual(["d"]); // It does not block, so nobody waits for it.
  });

  it("Foreground: an owner goes on once a dependent blocks it no longer", async () => {
    const owner = await make("a");
    const child = await make("b", [owner], { block: true, finalizers: ["example.com/x"] });
    await cluster.elapse(100);
    await remove(owner, "Foreground");
    expect(await names()).toEqual(["a", "b"]);
    const metadata = { ownerReferences: [refTo(owner)] };
    await cluster.client.patch(CONFIG_MAPS, keyOf(child), { metadata }, { type: "merge" });
    expect(await names()).toEqual(["b"]);
  });

  it("Foreground: two that own each other both go", async () => {
    const a = await make("a");
    const b = await make("b", [a], { block: true });
    const metadata = { ownerReferences: [refTo(b, { block: true })] };
    await cluster.client.patch(CONFIG_MAPS, keyOf(a), { metadata }, { type: "merge" });
    await cluster.elapse(100);
    await remove(a, "Foreground");
    expect(await names()).toEqual([]);
  });

  it("deletes what is made for an owner that is gone already, or is another by now", async () => {
    const owner = await make("a");
    await remove(owner, "Background");
    await make("late", [owner]);
    expect(await names()).toEqual([]);
    await make("a"); // The same name, another object.
    await make("later", [owner]);
    expect(await names()).toEqual(["a"]);
  });

  it("leaves alone what has an owner of a kind that is not served", async () => {
    const reference = { apiVersion: "example.com/v1", kind: "Thing", name: "t", uid: "t" };
    await cluster.client.create(CONFIG_MAPS, {
      metadata: { namespace: "default", name: "b", ownerReferences: [reference] },
    });
    await cluster.elapse(60_000);
    expect(await names()).toEqual(["b"]);
  });

  it("takes an owner in another namespace for one that is not there", async () => {
    const owner = await make("a");
    await cluster.client.create(NAMESPACES, { metadata: { name: "other" } });
    await cluster.client.create(CONFIG_MAPS, {
      metadata: { namespace: "other", name: "b", ownerReferences: [refTo(owner)] },
    });
    await cluster.elapse(100);
    expect((await cluster.client.list(CONFIG_MAPS, { namespace: "other" })).items).toEqual([]);
  });

  it("owns across kinds", async () => {
    const owner = await make("a");
    const metadata = { namespace: "default", name: "s", ownerReferences: [refTo(owner)] };
    await cluster.client.create(SECRETS, { metadata });
    await remove(owner, "Background");
    await cluster.elapse(100);
    expect((await cluster.client.list(SECRETS, { namespace: "default" })).items).toEqual([]);
  });

  it("G1: does not delete what found another owner while it was being judged", async () => {
    const [first, second] = [await make("a"), await make("b")];
    await make("c", [first]);
    await cluster.elapse(100);
    let adopted = false;
    beforeWrite = async (client) => {
      if (adopted) return;
      adopted = true;
      const metadata = { ownerReferences: [refTo(second)] };
      const key = { namespace: "default", name: "c" };
      await client.patch(CONFIG_MAPS, key, { metadata }, { type: "merge" });
    };
    await remove(first, "Background");
    await settle();
    expect(await names()).toEqual(["b", "c"]);
    expect(adopted).toBe(true);
  });
});
