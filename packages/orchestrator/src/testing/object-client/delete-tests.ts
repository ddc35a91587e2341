/** What every `ObjectClient` does on delete and on subresources. */
import { expect } from "vitest";
import type { KubeObject } from "../../api/resource.js";
import { CONFIG_MAPS, DEPLOYMENTS, PODS } from "../../api/resources.js";
import { type DefineTest, configMap, deployment, podOf, refusal } from "./test-objects.js";

export function deleteTests(test: DefineTest): void {
  test("delete() removes; a second one is NotFound", async (client, namespace) => {
    await client.create(CONFIG_MAPS, configMap(namespace, "a"));
    await client.delete(CONFIG_MAPS, { namespace, name: "a" });
    await refusal(client.get(CONFIG_MAPS, { namespace, name: "a" }), "NotFound");
    await refusal(client.delete(CONFIG_MAPS, { namespace, name: "a" }), "NotFound");
  });

  test("delete() holds to its preconditions", async (client, namespace) => {
    const key = { namespace, name: "a" };
    const { metadata } = await client.create(CONFIG_MAPS, configMap(namespace, "a"));
    const another = "00000000-0000-4000-8000-000000000000";
    await refusal(client.delete(CONFIG_MAPS, key, { preconditions: { uid: another } }), "Conflict");
    await refusal(
      client.delete(CONFIG_MAPS, key, { preconditions: { resourceVersion: "1" } }),
      "Conflict",
    );
    const { uid, resourceVersion } = metadata;
    await client.delete(CONFIG_MAPS, key, { preconditions: { uid, resourceVersion } });
    await refusal(client.get(CONFIG_MAPS, key), "NotFound");
  });

  test("delete() marks what has finalizers; it goes with the last of them", async (client, namespace) => {
    const key = { namespace, name: "a" };
    const base = configMap(namespace, "a");
    const metadata = { ...base.metadata, finalizers: ["example.org/hold"] };
    await client.create(CONFIG_MAPS, { ...base, metadata });
    await client.delete(CONFIG_MAPS, key);
    const held = await client.get(CONFIG_MAPS, key);
    expect(held.metadata.deletionTimestamp).toBeDefined();
    expect(held.metadata.finalizers).toEqual(["example.org/hold"]);
    await client.update(CONFIG_MAPS, { ...held, metadata: { ...held.metadata, finalizers: [] } });
    await refusal(client.get(CONFIG_MAPS, key), "NotFound");
  });

  test("delete() in the foreground leaves the object to the garbage collector", async (client, namespace) => {
    const key = { namespace, name: "web" };
    await client.create(DEPLOYMENTS, deployment(namespace, "web"));
    await client.delete(DEPLOYMENTS, key, { propagationPolicy: "Foreground" });
    const { metadata } = await client.get(DEPLOYMENTS, key);
    expect(metadata.finalizers).toEqual(["foregroundDeletion"]);
  });

  test("delete() gives a running pod its grace; zero takes it away", async (client, namespace) => {
    const key = { namespace, name: "p" };
    await client.create(PODS, podOf(namespace, "p"));
    const binding = { metadata: { name: "p" }, target: { kind: "Node", name: "n1" } };
    await client.createSubresource(PODS, key, "binding", binding as KubeObject); // A Binding.
    await client.delete(PODS, key, { gracePeriodSeconds: 5 });
    const { metadata } = await client.get(PODS, key);
    expect(metadata.deletionGracePeriodSeconds).toBe(5);
    await client.delete(PODS, key, { gracePeriodSeconds: 0 });
    await refusal(client.get(PODS, key), "NotFound");
  });
}

export function subresourceTests(test: DefineTest): void {
  const binding = (name: string, node: string, uid?: string): KubeObject =>
    ({ metadata: { name, uid }, target: { kind: "Node", name: node } }) as KubeObject; // A Binding.

  test("createSubresource() binds a pod to a node, once", async (client, namespace) => {
    const key = { namespace, name: "p" };
    await client.create(PODS, podOf(namespace, "p"));
    await client.createSubresource(PODS, key, "binding", binding("p", "n1"), { dryRun: true });
    expect((await client.get(PODS, key)).spec?.nodeName).toBeUndefined();
    await client.createSubresource(PODS, key, "binding", binding("p", "n1"));
    const bound = await client.get(PODS, key);
    expect(bound.spec?.nodeName).toBe("n1");
    expect(bound.status?.conditions).toContainEqual(
      expect.objectContaining({ type: "PodScheduled", status: "True" }),
    );
    const error = await refusal(
      client.createSubresource(PODS, key, "binding", binding("p", "n2")),
      "Conflict",
    );
    expect(error.message).toBe(
      'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n1"',
    );
  });

  test("createSubresource() does not bind another pod of the same name", async (client, namespace) => {
    await client.create(PODS, podOf(namespace, "p"));
    const other = binding("p", "n1", "00000000-0000-4000-8000-000000000000");
    await refusal(
      client.createSubresource(PODS, { namespace, name: "p" }, "binding", other),
      "Conflict",
    );
  });

  test("createSubresource() evicts a pod", async (client, namespace) => {
    const key = { namespace, name: "p" };
    await client.create(PODS, podOf(namespace, "p"));
    await client.createSubresource(PODS, key, "eviction", { metadata: { name: "p", namespace } });
    await refusal(client.get(PODS, key), "NotFound");
  });

  test("createSubresource() refuses one that is not there with NotFound", async (client, namespace) => {
    await client.create(CONFIG_MAPS, configMap(namespace, "a"));
    const body = { metadata: { name: "a" } };
    const key = { namespace, name: "a" };
    await refusal(client.createSubresource(CONFIG_MAPS, key, "paint", body), "NotFound");
  });

  test("resources() names what can be listed, watched and deleted", async (client) => {
    const resources = await client.resources();
    const texts = resources.map(({ group, resource }) => `${resource}.${group}`);
    for (const text of ["pods.", "deployments.apps", "leases.coordination.k8s.io", "nodes."])
      expect(texts).toContain(text);
    expect(texts.some((text) => text.startsWith("selfsubject"))).toBe(false);
    const nodes = resources.find(({ resource }) => resource === "nodes");
    expect(nodes).toMatchObject({ group: "", version: "v1", kind: "Node", namespaced: false });
  });
}
