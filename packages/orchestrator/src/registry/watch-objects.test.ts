import { VirtualClock } from "@sagong/base";
import { describe, expect, it } from "vitest";
import { CONFIG_MAPS } from "../api/resources.js";
import type { ConfigMap } from "../api/gen/core-v1.js";
import type { ServedResource } from "../api/schema/served.js";
import { type MemoryCluster, openMemoryCluster } from "../testing/memory-cluster.js";
import type { RegistryEvent, WatchQuery } from "./watch-objects.js";

const MINUTE_MS = 60_000;

function configMap(name: string): ConfigMap {
  return { metadata: { namespace: "default", name } };
}

function servedOf({ registry }: MemoryCluster): ServedResource {
  const served = registry.find("", "v1", "configmaps");
  if (!served) throw new Error("config maps are not served");
  return served;
}

function watch(
  cluster: MemoryCluster,
  query: Omit<WatchQuery, "signal"> = {},
): AsyncGenerator<RegistryEvent> {
  const { signal } = new AbortController();
  return cluster.registry.watch(servedOf(cluster), { ...query, signal });
}

/** Moves time on until what is waited for has come. */
async function meanwhile<T>(clock: VirtualClock, waited: Promise<T>): Promise<T> {
  let isSettled = false;
  const settled = waited.finally(() => {
    isSettled = true;
  });
  for (let turns = 0; !isSettled && turns < 10_000; turns++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (!isSettled) clock.advance(20);
  }
  return settled;
}

async function withCluster(
  test: (cluster: MemoryCluster, clock: VirtualClock) => Promise<void>,
): Promise<void> {
  const clock = new VirtualClock();
  const cluster = await meanwhile(clock, openMemoryCluster({ clock }));
  await test(cluster, clock);
  await cluster.close();
}

function versionOf({ object }: RegistryEvent): number {
  return Number(object.metadata.resourceVersion);
}

describe("watchObjects()", () => {
  it("gives a bookmark each minute, after every event up to its version", () =>
    withCluster(async (cluster, clock) => {
      const events = watch(cluster, { allowWatchBookmarks: true, sendInitialEvents: false });
      const first = events.next();
      await meanwhile(clock, cluster.registry.list(servedOf(cluster), { resourceVersion: "0" }));
      // Both are due in the same turn: the change comes first.
      const made = await cluster.client.create(CONFIG_MAPS, configMap("a"));
      clock.advance(MINUTE_MS);
      const added: RegistryEvent = (await first).value;
      expect(added).toMatchObject({ type: "ADDED", object: made });
      const bookmark: RegistryEvent = (await events.next()).value;
      expect(bookmark.type).toBe("BOOKMARK");
      expect(bookmark.initialEnd).toBeUndefined();
      expect(versionOf(bookmark)).toBeGreaterThanOrEqual(versionOf(added));
      const second = events.next();
      clock.advance(MINUTE_MS);
      expect((await second).value).toMatchObject({ type: "BOOKMARK" });
      await events.return(undefined);
    }));

  it("gives no bookmark that was not asked for", () =>
    withCluster(async (cluster, clock) => {
      const events = watch(cluster, { timeoutSeconds: 150 });
      const end = events.next();
      expect((await meanwhile(clock, end)).done).toBe(true);
    }));

  it("ends normally when its time is over: half an hour to an hour where none is given", () =>
    withCluster(async (cluster, clock) => {
      const events = watch(cluster, { sendInitialEvents: false });
      const end = events.next();
      await meanwhile(clock, cluster.registry.list(servedOf(cluster), { resourceVersion: "0" }));
      let isOver = false;
      void end.then(() => {
        isOver = true;
      });
      for (let minutes = 0; minutes < 29; minutes++) clock.advance(MINUTE_MS);
      await new Promise((resolve) => setImmediate(resolve));
      expect(isOver).toBe(false);
      for (let minutes = 29; minutes < 61; minutes++) clock.advance(MINUTE_MS);
      expect((await end).done).toBe(true);
      // No timer stays behind.
      expect(clock.nextAtMs()).toBeUndefined();
    }));

  it("leaves no timer behind when its reader leaves", () =>
    withCluster(async (cluster, clock) => {
      await cluster.client.create(CONFIG_MAPS, configMap("a"));
      const events = watch(cluster, { allowWatchBookmarks: true });
      expect((await meanwhile(clock, events.next())).value).toMatchObject({ type: "ADDED" });
      expect(clock.nextAtMs()).toBeDefined();
      await events.return(undefined);
      expect(clock.nextAtMs()).toBeUndefined();
    }));

  it("ends normally when the server closes", () =>
    withCluster(async (cluster, clock) => {
      const events = watch(cluster, { sendInitialEvents: false });
      const end = events.next();
      await meanwhile(clock, cluster.registry.list(servedOf(cluster), { resourceVersion: "0" }));
      await meanwhile(clock, cluster.close());
      expect((await end).done).toBe(true);
      await expect(meanwhile(clock, watch(cluster).next())).resolves.toEqual({
        done: true,
        value: undefined,
      });
    }));

  it("ends a watch whose reader is too slow, after what it has room for", () =>
    withCluster(async (cluster, clock) => {
      const { client } = cluster;
      await client.create(CONFIG_MAPS, configMap("a"));
      const events = watch(cluster, {});
      expect((await meanwhile(clock, events.next())).value).toMatchObject({ type: "ADDED" });
      for (let i = 0; i < 10_100; i++) {
        await client.update(CONFIG_MAPS, { ...configMap("a"), data: { i: `${i}` } });
      }
      await new Promise((resolve) => setImmediate(resolve));
      let count = 0;
      let last = 0;
      for await (const event of events) {
        count++;
        expect(versionOf(event)).toBeGreaterThan(last);
        last = versionOf(event);
      }
      expect(count).toBeGreaterThanOrEqual(10_000);
      expect(count).toBeLessThan(10_100);
    }));
});
