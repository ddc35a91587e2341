/** What every `ObjectClient` does on list. */
import { expect } from "vitest";
import { CONFIG_MAPS, PODS, SECRETS } from "../../api/resources.js";
import { type DefineTest, configMap, namesOf, podOf, refusal } from "./test-objects.js";

export function listTests(test: DefineTest, compact: () => void): void {
  test("list() gives one namespace, or all", async (client, namespace) => {
    await client.create(SECRETS, { metadata: { name: "a", namespace } });
    await client.create(SECRETS, { metadata: { name: "a", namespace: "default" } });
    expect(namesOf(await client.list(SECRETS, { namespace }))).toEqual(["a"]);
    const all = await client.list(SECRETS);
    expect(all.kind).toBe("SecretList");
    expect(all.items.map(({ metadata }) => metadata.namespace)).toEqual(["default", namespace]);
  });

  test("list() selects by labels and fields", async (client, namespace) => {
    for (const [name, tier] of [
      ["a", "front"],
      ["b", "back"],
      ["c", "back"],
    ] as const)
      await client.create(PODS, podOf(namespace, name, { tier }));
    const list = async (query: { labelSelector?: string; fieldSelector?: string }) =>
      namesOf(await client.list(PODS, { namespace, ...query }));
    expect(await list({ labelSelector: "tier=back" })).toEqual(["b", "c"]);
    expect(await list({ labelSelector: "tier in (front,back),tier!=back" })).toEqual(["a"]);
    expect(await list({ fieldSelector: "metadata.name=c" })).toEqual(["c"]);
    expect(await list({ fieldSelector: "spec.nodeName=n1" })).toEqual([]);
    const both = { labelSelector: "tier=back", fieldSelector: "metadata.name!=b" };
    expect(await list(both)).toEqual(["c"]);
    await refusal(client.list(PODS, { namespace, labelSelector: "a==b==c" }), "BadRequest");
    await refusal(client.list(PODS, { namespace, fieldSelector: "spec.colour=red" }), "BadRequest");
  });

  test("list() gives pages of one version, whatever changes meanwhile", async (client, namespace) => {
    for (const name of ["a", "b", "c", "d", "e"])
      await client.create(CONFIG_MAPS, configMap(namespace, name, { of: "old" }));
    const first = await client.list(CONFIG_MAPS, { namespace, limit: 2 });
    expect(namesOf(first)).toEqual(["a", "b"]);
    expect(first.metadata.remainingItemCount).toBe(3);
    await client.create(CONFIG_MAPS, configMap(namespace, "bb"));
    await client.update(CONFIG_MAPS, configMap(namespace, "c", { of: "new" }));
    await client.delete(CONFIG_MAPS, { namespace, name: "d" });
    const from = first.metadata.continue ?? "";
    const second = await client.list(CONFIG_MAPS, { namespace, limit: 2, continue: from });
    expect(namesOf(second)).toEqual(["c", "d"]);
    expect(second.items[0]?.data).toEqual({ of: "old" });
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    const then = second.metadata.continue ?? "";
    const last = await client.list(CONFIG_MAPS, { namespace, limit: 2, continue: then });
    expect(namesOf(last)).toEqual(["e"]);
    expect(last.metadata.continue ?? "").toBe("");
  });

  test("list() refuses to go on with a page that is too old with Expired", async (client, namespace) => {
    for (const name of ["a", "b"]) await client.create(CONFIG_MAPS, configMap(namespace, name));
    const { metadata } = await client.list(CONFIG_MAPS, { namespace, limit: 1 });
    await client.create(CONFIG_MAPS, configMap(namespace, "c"));
    compact();
    const from = metadata.continue ?? "";
    const error = await refusal(
      client.list(CONFIG_MAPS, { namespace, limit: 1, continue: from }),
      "Expired",
    );
    expect(error.code).toBe(410);
    await refusal(client.list(CONFIG_MAPS, { namespace, continue: "nonsense" }), "BadRequest");
  });

  test("list() from the cache is not older than the version asked for", async (client, namespace) => {
    const made = await client.create(CONFIG_MAPS, configMap(namespace, "a"));
    const { resourceVersion } = made.metadata;
    const list = await client.list(CONFIG_MAPS, { namespace, resourceVersion });
    expect(namesOf(list)).toEqual(["a"]);
  });
}
