/** What every `ObjectClient` does on create and get. */
import { expect } from "vitest";
import type { ConfigMap } from "../../api/gen/core-v1.js";
import type { Resource } from "../../api/resource.js";
import { CONFIG_MAPS, DEPLOYMENTS } from "../../api/resources.js";
import { type DefineTest, configMap, deployment, refusal } from "./test-objects.js";

export function createTests(test: DefineTest): void {
  test("create() gives identity and version; get() gives the same object", async (client, namespace) => {
    const created = await client.create(
      CONFIG_MAPS,
      configMap(namespace, "a", { text: "뗏목 ∂ 🛶" }),
    );
    expect(created).toMatchObject({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "a", namespace },
      data: { text: "뗏목 ∂ 🛶" },
    });
    expect(created.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(created.metadata.creationTimestamp).toMatch(/^\d{4}-.*Z$/);
    expect(Number(created.metadata.resourceVersion)).toBeGreaterThan(1);
    expect(await client.get(CONFIG_MAPS, { namespace, name: "a" })).toEqual(created);
  });

  test("create() makes a name of generateName", async (client, namespace) => {
    const metadata = { namespace, generateName: "web-" };
    const { metadata: made } = await client.create(CONFIG_MAPS, { metadata });
    expect(made.name).toMatch(/^web-[a-z0-9]{5}$/);
  });

  test("create() sets defaults and generation", async (client, namespace) => {
    const made = await client.create(DEPLOYMENTS, deployment(namespace, "web"));
    expect(made.metadata.generation).toBe(1);
    expect(made.spec?.strategy?.type).toBe("RollingUpdate");
    expect(made.spec?.template.spec?.restartPolicy).toBe("Always");
  });

  test("create() refuses a name that is taken with AlreadyExists", async (client, namespace) => {
    await client.create(CONFIG_MAPS, configMap(namespace, "a"));
    const error = await refusal(
      client.create(CONFIG_MAPS, configMap(namespace, "a")),
      "AlreadyExists",
    );
    expect(error.message).toBe('configmaps "a" already exists');
    expect(error.code).toBe(409);
    expect(error.details).toMatchObject({ name: "a", kind: "configmaps" });
  });

  test("create() refuses a namespace that is not there with NotFound", async (client) => {
    const error = await refusal(client.create(CONFIG_MAPS, configMap("nowhere", "a")), "NotFound");
    expect(error.message).toBe('namespaces "nowhere" not found');
  });

  test("create() refuses what is invalid with every cause", async (client, namespace) => {
    const bad = { ...deployment(namespace, "Web ∂"), spec: { selector: {}, template: {} } };
    const error = await refusal(client.create(DEPLOYMENTS, bad), "Invalid");
    expect(error.code).toBe(422);
    expect(error.message).toContain('Deployment.apps "Web ∂" is invalid');
    const fields = error.details?.causes?.map(({ field }) => field) ?? [];
    expect(fields).toContain("metadata.name");
    expect(fields.length).toBeGreaterThan(1);
  });

  test("create() refuses a field of the wrong type with BadRequest", async (client, namespace) => {
    const bad = { ...configMap(namespace, "a"), data: { a: 1 } };
    const error = await refusal(
      client.create(CONFIG_MAPS, bad as unknown as ConfigMap),
      "BadRequest",
    ); // As a program without types would.
    expect(error.message).toContain("data");
  });

  test("create() drops a field that the type does not have", async (client, namespace) => {
    const odd = { ...configMap(namespace, "a"), colour: "red" };
    expect(await client.create(CONFIG_MAPS, odd)).not.toHaveProperty("colour");
    expect(await client.get(CONFIG_MAPS, { namespace, name: "a" })).not.toHaveProperty("colour");
  });

  test("create() writes nothing with dryRun", async (client, namespace) => {
    const made = await client.create(CONFIG_MAPS, configMap(namespace, "a"), { dryRun: true });
    expect(made.metadata.uid).toBeDefined();
    await refusal(client.get(CONFIG_MAPS, { namespace, name: "a" }), "NotFound");
  });

  test("get() refuses what is not there with NotFound", async (client, namespace) => {
    const error = await refusal(client.get(DEPLOYMENTS, { namespace, name: "web" }), "NotFound");
    expect(error.message).toBe('deployments.apps "web" not found');
    expect(error.code).toBe(404);
  });

  test("get() refuses a resource that is not served with NotFound", async (client, namespace) => {
    const resource: Resource = { ...CONFIG_MAPS, resource: "boats", kind: "Boat" };
    await refusal(client.get(resource, { namespace, name: "a" }), "NotFound");
  });

  test("get() rejects with the reason of a signal that is aborted", async (client, namespace) => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(client.get(CONFIG_MAPS, { namespace, name: "a" }, { signal })).rejects.toThrow(
      "enough",
    );
  });
}
