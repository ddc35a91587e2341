import { realClock } from "@sagong/base/real";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CONFIG_MAPS, NAMESPACES } from "../api/resources.js";
import type { ServedResource } from "../api/schema/served.js";
import { type MemoryCluster, openMemoryCluster } from "../testing/memory-cluster.js";
import type { ListQuery } from "./list-objects.js";

const COLORS = ["red", "green", "blue"] as const;

async function withCluster(test: (cluster: MemoryCluster) => Promise<void>): Promise<void> {
  const cluster = await openMemoryCluster({ clock: realClock() });
  await cluster.client.create(NAMESPACES, { metadata: { name: "other" } });
  await test(cluster);
  await cluster.close();
}

function served({ registry }: MemoryCluster): ServedResource {
  const resource = registry.find("", "v1", "configmaps");
  if (!resource) throw new Error("config maps are not served");
  return resource;
}

/** Page after page, as a client reads a list. */
async function paged(cluster: MemoryCluster, query: ListQuery): Promise<string[][]> {
  const pages: string[][] = [];
  let next: string | undefined;
  const versions = new Set<string | undefined>();
  do {
    const list = await cluster.registry.list(served(cluster), {
      ...query,
      ...(next === undefined ? {} : { continue: next }),
    });
    pages.push(list.items.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`));
    next = list.metadata.continue;
    versions.add(list.metadata.resourceVersion);
    // What is said to be left is there: pages that are cut short are never the last.
    expect(list.metadata.remainingItemCount === undefined || next !== undefined).toBe(true);
  } while (next !== undefined);
  expect(versions.size).toBe(1);
  return pages;
}

const object = fc.record({
  namespace: fc.constantFrom("default", "other"),
  name: fc.stringMatching(/^[a-z][a-z0-9-]{0,3}[a-z0-9]$/),
  color: fc.constantFrom(...COLORS),
});

describe("listObjects()", () => {
  it("pages of any size and selector, put together, are the list", async () => {
    const query = fc.record({
      limit: fc.integer({ min: 1, max: 6 }),
      namespace: fc.option(fc.constantFrom("default", "other"), { nil: undefined }),
      color: fc.option(fc.constantFrom(...COLORS), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(object, {
          selector: (one) => `${one.namespace}/${one.name}`,
          maxLength: 20,
        }),
        query,
        async (objects, { limit, namespace, color }) => {
          await withCluster(async (cluster) => {
            for (const { color: own, ...metadata } of objects)
              await cluster.client.create(CONFIG_MAPS, {
                metadata: { ...metadata, labels: { color: own } },
              });
            const expected = objects
              .filter((one) => namespace === undefined || one.namespace === namespace)
              .filter((one) => color === undefined || one.color === color)
              .map((one) => `${one.namespace}/${one.name}`)
              .toSorted();
            const labelSelector = color === undefined ? undefined : `color=${color}`;
            const pages = await paged(cluster, { limit, namespace, labelSelector });
            expect(pages.flat()).toEqual(expected);
            for (const page of pages.slice(0, -1)) expect(page).toHaveLength(limit);
            for (const resourceVersion of [undefined, "0"]) {
              const whole = await cluster.registry.list(served(cluster), {
                namespace,
                labelSelector,
                resourceVersion,
              });
              expect(whole.metadata.continue).toBeUndefined();
              // "0" may be older, but not of another order.
              const names = whole.items.map(({ metadata: m }) => `${m.namespace}/${m.name}`);
              expect(names).toEqual(expected.filter((name) => names.includes(name)));
            }
          });
        },
      ),
      { numRuns: 30 },
    );
  });

  it("counts what is left, where no selector leaves it open", async () => {
    await withCluster(async (cluster) => {
      for (const name of ["a", "b", "c", "d"])
        await cluster.client.create(CONFIG_MAPS, { metadata: { namespace: "default", name } });
      const list = await cluster.registry.list(served(cluster), { limit: 1 });
      expect(list.metadata.remainingItemCount).toBe(3);
      const selected = await cluster.registry.list(served(cluster), {
        limit: 1,
        fieldSelector: "metadata.namespace=default",
      });
      expect(selected.metadata.continue).toBeDefined();
      expect(selected.metadata.remainingItemCount).toBeUndefined();
    });
  });

  it("a selector that leaves little of much is answered in few reads of the store", async () => {
    await withCluster(async (cluster) => {
      const { storage } = cluster;
      for (let i = 0; i < 3_000; i++) {
        const name = `n${String(i).padStart(5, "0")}`;
        const labels = i % 1_500 === 0 ? { rare: "yes" } : {};
        await storage.create(`/configmaps/default/${name}`, {
          metadata: { namespace: "default", name, labels },
        });
      }
      let reads = 0;
      const list = storage.list.bind(storage);
      storage.list = (prefix, request) => {
        reads++;
        return list(prefix, request);
      };
      const query = { limit: 2, labelSelector: "rare" };
      expect(await paged(cluster, query)).toEqual([["default/n00000", "default/n01500"], []]);
      expect(reads).toBeLessThan(8);
    });
  });
});
