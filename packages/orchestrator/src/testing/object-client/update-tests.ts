/** What every `ObjectClient` does on update and patch. */
import { expect } from "vitest";
import type { KubeObject } from "../../api/resource.js";
import { CONFIG_MAPS, DEPLOYMENTS, PODS } from "../../api/resources.js";
import {
  type DefineTest,
  configMap,
  deployment,
  podOf,
  refusal,
  specOf,
  versionOf,
} from "./test-objects.js";

export function updateTests(test: DefineTest): void {
  test("update() replaces the object and gives it a newer version", async (client, namespace) => {
    const first = await client.create(CONFIG_MAPS, configMap(namespace, "a", { a: "1", b: "1" }));
    const second = await client.update(CONFIG_MAPS, { ...first, data: { a: "2" } });
    expect(second.data).toEqual({ a: "2" });
    expect(second.metadata.uid).toBe(first.metadata.uid);
    expect(versionOf(second)).toBeGreaterThan(versionOf(first));
  });

  test("update() of a version that is not the present one is a Conflict", async (client, namespace) => {
    const first = await client.create(CONFIG_MAPS, configMap(namespace, "a"));
    await client.update(CONFIG_MAPS, { ...first, data: { a: "2" } });
    const error = await refusal(
      client.update(CONFIG_MAPS, { ...first, data: { a: "3" } }),
      "Conflict",
    );
    expect(error.message).toBe(
      'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
    );
    expect((await client.get(CONFIG_MAPS, { namespace, name: "a" })).data).toEqual({ a: "2" });
  });

  test("update() without a version overwrites whatever is there", async (client, namespace) => {
    await client.create(CONFIG_MAPS, configMap(namespace, "a", { a: "1" }));
    const updated = await client.update(CONFIG_MAPS, configMap(namespace, "a", { a: "2" }));
    expect(updated.data).toEqual({ a: "2" });
  });

  test("update() that changes nothing keeps the version", async (client, namespace) => {
    const first = await client.create(CONFIG_MAPS, configMap(namespace, "a"));
    expect(versionOf(await client.update(CONFIG_MAPS, first))).toBe(versionOf(first));
    const pod = await client.create(PODS, podOf(namespace, "p"));
    const same = await client.update(PODS, pod, { subresource: "status" });
    expect(versionOf(same)).toBe(versionOf(pod));
  });

  test("update() of what is not there is NotFound", async (client, namespace) => {
    await refusal(client.update(CONFIG_MAPS, configMap(namespace, "a")), "NotFound");
  });

  test("update() of status changes the status only; of the object all but it", async (client, namespace) => {
    const made = await client.create(DEPLOYMENTS, deployment(namespace, "web"));
    const wanted = { ...made, spec: { ...specOf(made), replicas: 7 }, status: { replicas: 3 } };
    const reported = await client.update(DEPLOYMENTS, wanted, { subresource: "status" });
    expect(reported.status?.replicas).toBe(3);
    expect(reported.spec?.replicas).toBe(1);
    expect(reported.metadata.generation).toBe(1);
    const scaled = await client.update(DEPLOYMENTS, {
      ...reported,
      spec: { ...specOf(reported), replicas: 7 },
      status: { replicas: 9 },
    });
    expect(scaled.spec?.replicas).toBe(7);
    expect(scaled.status?.replicas).toBe(3);
    expect(scaled.metadata.generation).toBe(2);
  });

  test("update() of scale sets the replicas", async (client, namespace) => {
    await client.create(DEPLOYMENTS, deployment(namespace, "web"));
    const scale = {
      apiVersion: "autoscaling/v1",
      kind: "Scale",
      metadata: { namespace, name: "web" },
      spec: { replicas: 4 },
    };
    const answer = await client.update<KubeObject>(DEPLOYMENTS, scale, { subresource: "scale" });
    expect(answer).toMatchObject({ kind: "Scale", spec: { replicas: 4 } });
    const now = await client.get(DEPLOYMENTS, { namespace, name: "web" });
    expect(now.spec?.replicas).toBe(4);
  });

  test("update() writes nothing with dryRun", async (client, namespace) => {
    const first = await client.create(CONFIG_MAPS, configMap(namespace, "a", { a: "1" }));
    const shown = await client.update(
      CONFIG_MAPS,
      { ...first, data: { a: "2" } },
      { dryRun: true },
    );
    expect(shown.data).toEqual({ a: "2" });
    expect((await client.get(CONFIG_MAPS, { namespace, name: "a" })).data).toEqual({ a: "1" });
  });
}

export function patchTests(test: DefineTest): void {
  const key = (namespace: string): { namespace: string; name: string } => ({
    namespace,
    name: "a",
  });

  test("patch() takes a JSON patch", async (client, namespace) => {
    await client.create(CONFIG_MAPS, configMap(namespace, "a", { a: "1", b: "1" }));
    const patch = [
      { op: "test", path: "/data/a", value: "1" },
      { op: "replace", path: "/data/a", value: "2" },
      { op: "remove", path: "/data/b" },
    ];
    const patched = await client.patch(CONFIG_MAPS, key(namespace), patch, { type: "json" });
    expect(patched.data).toEqual({ a: "2" });
    await refusal(client.patch(CONFIG_MAPS, key(namespace), patch, { type: "json" }), "Invalid");
  });

  test("patch() takes a merge patch", async (client, namespace) => {
    await client.create(CONFIG_MAPS, configMap(namespace, "a", { a: "1", b: "1" }));
    const patch = { data: { a: null, c: "3" } };
    const patched = await client.patch(CONFIG_MAPS, key(namespace), patch, { type: "merge" });
    expect(patched.data).toEqual({ b: "1", c: "3" });
  });

  test("patch() takes a strategic merge patch, which merges lists by key", async (client, namespace) => {
    await client.create(DEPLOYMENTS, deployment(namespace, "a"));
    const containers = [{ name: "sidecar", image: "b" }];
    const patch = { spec: { template: { spec: { containers } } } };
    const options = { type: "strategic-merge" } as const;
    const patched = await client.patch(DEPLOYMENTS, key(namespace), patch, options);
    const names = patched.spec?.template.spec?.containers.map(({ name }) => name);
    expect(names?.toSorted()).toEqual(["main", "sidecar"]);
  });

  test("patch() of status changes the status only", async (client, namespace) => {
    await client.create(DEPLOYMENTS, deployment(namespace, "a"));
    const patch = { spec: { replicas: 5 }, status: { replicas: 2 } };
    const options = { type: "merge", subresource: "status" } as const;
    const patched = await client.patch(DEPLOYMENTS, key(namespace), patch, options);
    expect(patched.status?.replicas).toBe(2);
    expect(patched.spec?.replicas).toBe(1);
  });

  test("patch() that names a version refuses another with Conflict", async (client, namespace) => {
    const { metadata } = await client.create(CONFIG_MAPS, configMap(namespace, "a"));
    const { resourceVersion } = metadata;
    const patch = (value: string): unknown => ({
      metadata: { resourceVersion },
      data: { a: value },
    });
    await client.patch(CONFIG_MAPS, key(namespace), patch("1"), { type: "merge" });
    await refusal(
      client.patch(CONFIG_MAPS, key(namespace), patch("2"), { type: "merge" }),
      "Conflict",
    );
  });

  test("patch() refuses a result of the wrong type", async (client, namespace) => {
    await client.create(CONFIG_MAPS, configMap(namespace, "a"));
    const patch = { data: { a: { b: 1 } } };
    await refusal(client.patch(CONFIG_MAPS, key(namespace), patch, { type: "merge" }), "Invalid");
  });

  test("patch() from many sides at once loses none", async (client, namespace) => {
    await client.create(CONFIG_MAPS, configMap(namespace, "a"));
    const names = Array.from({ length: 10 }, (_, i) => `key-${i}`);
    await Promise.all(
      names.map((name) =>
        client.patch(CONFIG_MAPS, key(namespace), { data: { [name]: "1" } }, { type: "merge" }),
      ),
    );
    const { data = {} } = await client.get(CONFIG_MAPS, key(namespace));
    expect(Object.keys(data).toSorted()).toEqual(names);
  });

  test("patch() of what is not there is NotFound", async (client, namespace) => {
    await refusal(client.patch(CONFIG_MAPS, key(namespace), {}, { type: "merge" }), "NotFound");
  });
}
