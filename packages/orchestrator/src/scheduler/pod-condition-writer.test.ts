import { silentLogger, VirtualClock } from "@sagong/base";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Pod, PodCondition } from "../api/gen/core-v1.js";
import { keyOf } from "../api/resource.js";
import { PODS } from "../api/resources.js";
import type { ObjectClient } from "../client/object-client.js";
import { Informer } from "../informer/informer.js";
import { type MemoryCluster, openMemoryCluster } from "../testing/memory-cluster.js";
import { Binder } from "./binder.js";
import { PodConditionWriter } from "./pod-condition-writer.js";

const NO_ROOM = { reason: "Unschedulable", message: "0/1 nodes are available: …" } as const;

describe("PodConditionWriter", () => {
  let clock: VirtualClock;
  let cluster: MemoryCluster;
  let pods: Informer<Pod>;
  let writer: PodConditionWriter;

  beforeEach(async () => {
    clock = new VirtualClock();
    cluster = await openMemoryCluster({ clock });
    const dependencies = { client: cluster.client, clock, logger: silentLogger };
    pods = new Informer({ resource: PODS }, dependencies).start();
    await pods.synced();
    writer = new PodConditionWriter({ ...dependencies, pods });
  });

  afterEach(async () => {
    await writer.close();
    await pods.close();
    await cluster.close();
  });

  const create = async (name: string): Promise<Pod> => {
    const pod = await cluster.client.create(PODS, {
      metadata: { name, namespace: "default" },
      spec: { containers: [{ name: "main", image: "a" }] },
    });
    await vi.waitFor(() => expect(pods.get(`default/${name}`)).toBeDefined());
    return pod;
  };
  const read = (pod: Pod): Promise<Pod> => cluster.client.get(PODS, keyOf(pod));
  const conditionOf = ({ status }: Pod): PodCondition | undefined =>
    status?.conditions?.find(({ type }) => type === "PodScheduled");
  const written = (pod: Pod, message: string): Promise<PodCondition> =>
    vi.waitFor(async () => {
      const condition = conditionOf(await read(pod));
      if (condition?.message !== message) throw new Error("not written yet");
      return condition;
    });

  it("want() writes the condition", async () => {
    const pod = await create("web");
    writer.want(pod, NO_ROOM);
    expect(await written(pod, NO_ROOM.message)).toEqual({
      type: "PodScheduled",
      status: "False",
      ...NO_ROOM,
      lastTransitionTime: "2026-01-01T00:00:00Z",
    });
  });

  it("want() keeps the time of the transition when only the message changes", async () => {
    const pod = await create("web");
    writer.want(pod, NO_ROOM);
    await written(pod, NO_ROOM.message);
    await vi.waitFor(() => expect(conditionOf(pods.get("default/web") ?? pod)).toBeDefined());
    clock.advance(60_000);
    writer.want(pod, { ...NO_ROOM, message: "0/2 nodes are available: …" });
    const condition = await written(pod, "0/2 nodes are available: …");
    expect(condition.lastTransitionTime).toBe("2026-01-01T00:00:00Z");
  });

  it("want() writes nothing when the condition is there already", async () => {
    const pod = await create("web");
    writer.want(pod, NO_ROOM);
    await written(pod, NO_ROOM.message);
    await vi.waitFor(() => expect(conditionOf(pods.get("default/web") ?? pod)).toBeDefined());
    const { resourceVersion } = (await read(pod)).metadata;
    writer.want(pod, NO_ROOM);
    const other = await create("other");
    writer.want(other, NO_ROOM);
    await written(other, NO_ROOM.message);
    expect((await read(pod)).metadata.resourceVersion).toBe(resourceVersion);
  });

  it("want() does not speak against a node that the pod gets meanwhile (PC1)", async () => {
    const pod = await create("web");
    const binder = new Binder({ client: cluster.client, clock });
    let patches = 0;
    const late = new Proxy(cluster.client, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== "function" || name !== "patch") return method;
        return async (...args: unknown[]): Promise<unknown> => {
          if (patches++ === 0) await binder.bind(pod, "node-1");
          return Reflect.apply(method, target, args);
        };
      },
    });
    await writer.close();
    writer = new PodConditionWriter({ client: late, clock, logger: silentLogger, pods });
    writer.want(pod, NO_ROOM);
    await vi.waitFor(() => expect(pods.get("default/web")?.spec?.nodeName).toBe("node-1"));
    // Refused: it waits to try again, beside the watch that waits for its next bookmark.
    await vi.waitFor(() => expect(clock.nextAtMs()).toBeLessThan(1_000));
    clock.advance(10_000);
    await writer.close();
    expect(patches).toBe(1);
    expect(conditionOf(await read(pod))?.status).toBe("True");
  });

  it("close() does not wait for a server that never answers", async () => {
    const pod = await create("web");
    const called = vi.fn<(signal: AbortSignal | undefined) => void>();
    const silent = new Proxy(cluster.client, {
      get: (target, name) => {
        if (name !== "patch") return Reflect.get(target, name);
        const patch: ObjectClient["patch"] = (_resource, _key, _patch, { signal }) => {
          called(signal);
          return new Promise((_resolve, reject) => {
            signal?.addEventListener("abort", () => reject(signal.reason));
          });
        };
        return patch;
      },
    });
    await writer.close();
    writer = new PodConditionWriter({ client: silent, clock, logger: silentLogger, pods });
    const bookmarkMs = clock.nextAtMs();
    writer.want(pod, NO_ROOM);
    await vi.waitFor(() => expect(called).toHaveBeenCalledOnce());
    await writer.close();
    expect(clock.nextAtMs()).toBe(bookmarkMs);
  });
});
