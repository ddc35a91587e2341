import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createStoreClient, type StoreClient } from "@sagong/kv/client";
import { realClock } from "@sagong/base/real";
import { KvStorage } from "../../src/storage/kv-storage.js";
import { storageSuite } from "../../src/testing/storage-suite.js";
import { type OneMemberStore, openOneMemberStore } from "./one-member-store.js";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

storageSuite("KvStorage on a member of our store", async () => {
  const store = await openOneMemberStore();
  return {
    storage: new KvStorage(store.client),
    compact: async (version) => {
      await store.client.compact({ revision: version });
    },
    close: () => store.close(),
  };
});

describe("KvStorage", () => {
  let store: OneMemberStore;
  let client: StoreClient;
  let storage: KvStorage;
  beforeAll(async () => {
    store = await openOneMemberStore();
    client = store.client;
    storage = new KvStorage(client);
  });
  afterAll(() => store.close());

  it("lays keys out as Kubernetes does, below /registry", async () => {
    await storage.create("/configmaps/default/a", { metadata: { name: "a" } });
    const { kvs } = await client.range({ key: utf8("/registry/configmaps/default/a") });
    expect(kvs).toHaveLength(1);
  });

  it("a time to live is a lease, which updates keep", async () => {
    const key = "/events/default/e";
    const version = (await storage.create(key, { metadata: { name: "e" } }, 3_600)) ?? 0;
    const leaseOf = async (): Promise<bigint> =>
      (await client.range({ key: utf8(`/registry${key}`) })).kvs[0]?.lease ?? 0n;
    const lease = await leaseOf();
    expect(lease).not.toBe(0n);
    const { grantedTtl } = await client.leaseTimeToLive({ id: lease });
    expect(grantedTtl).toBeGreaterThanOrEqual(3_600);
    await storage.update(key, { metadata: { name: "e", labels: { a: "b" } } }, version);
    expect(await leaseOf()).toBe(lease);
  });

  it("reads JSON that others wrote, and names what it cannot read", async () => {
    const json = JSON.stringify({ kind: "ConfigMap", metadata: { name: "j" }, data: { a: "1" } });
    await client.put({ key: utf8("/registry/configmaps/default/j"), value: utf8(json) });
    expect((await storage.get("/configmaps/default/j"))?.object).toMatchObject({
      data: { a: "1" },
    });
    await client.put({ key: utf8("/registry/configmaps/x/k"), value: utf8("k8s\0nothing") });
    await expect(storage.get("/configmaps/x/k")).rejects.toMatchObject({
      reason: "StorageReadError",
      message: expect.stringContaining("Cannot read /registry/configmaps/x/k") as unknown,
    });
  });

  it("an object that the store refuses for its size is RequestEntityTooLarge", async () => {
    const data = "x".repeat(2 * 1024 * 1024);
    const huge = { metadata: { name: "huge", annotations: { data } } };
    await expect(storage.create("/configmaps/default/huge", huge)).rejects.toMatchObject({
      reason: "RequestEntityTooLarge",
      code: 413,
    });
  });

  it("a store that cannot be reached is ServiceUnavailable or a Timeout", async () => {
    const gone = createStoreClient({ endpoints: ["http://127.0.0.1:1"] }, { clock: realClock() });
    await expect(new KvStorage(gone).get("/configmaps/default/a")).rejects.toMatchObject({
      reason: expect.stringMatching(/^(?:ServiceUnavailable|Timeout)$/) as unknown,
    });
    await gone.close();
  });

  it("lists more than one page of the store as one list", async () => {
    const names = Array.from({ length: 300 }, (_, i) => `n${String(i).padStart(4, "0")}`);
    await Promise.all(
      names.map((name) => storage.create(`/many/default/${name}`, { metadata: { name } })),
    );
    const list = await storage.list("/many/");
    expect(list.items.map(({ object }) => object.metadata.name)).toEqual(names);
    const page = await storage.list("/many/", { limit: 299 });
    expect(page).toMatchObject({ more: true, remaining: 1 });
  });
});
