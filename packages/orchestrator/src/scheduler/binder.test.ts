import { VirtualClock } from "@sagong/base";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Pod } from "../api/gen/core-v1.js";
import { keyOf } from "../api/resource.js";
import { PODS } from "../api/resources.js";
import type { ObjectClient } from "../client/object-client.js";
import { type MemoryCluster, openMemoryCluster } from "../testing/memory-cluster.js";
import { Binder } from "./binder.js";

const CONTAINERS = [{ name: "main", image: "a" }];

describe("Binder", () => {
  let clock: VirtualClock;
  let cluster: MemoryCluster;

  beforeEach(async () => {
    clock = new VirtualClock();
    cluster = await openMemoryCluster({ clock });
  });
  afterEach(() => cluster.close());

  const create = (): Promise<Pod> =>
    cluster.client.create(PODS, {
      metadata: { name: "web", namespace: "default" },
      spec: { containers: CONTAINERS },
    });

  it("bind() gives a pod its node", async () => {
    const pod = await create();
    const binder = new Binder({ client: cluster.client, clock });
    expect(await binder.bind(pod, "node-1")).toEqual({ kind: "bound" });
    expect((await cluster.client.get(PODS, keyOf(pod))).spec?.nodeName).toBe("node-1");
    expect(clock.nextAtMs()).toBeUndefined();
  });

  it("bind() says that the pod is gone when it is", async () => {
    const pod = await create();
    await cluster.client.delete(PODS, keyOf(pod));
    const binder = new Binder({ client: cluster.client, clock });
    expect(await binder.bind(pod, "node-1")).toEqual({ kind: "gone" });
  });

  it("bind() does not give a pod's node to its successor of the same name", async () => {
    const pod = await create();
    await cluster.client.delete(PODS, keyOf(pod));
    const successor = await create();
    const binder = new Binder({ client: cluster.client, clock });
    expect(await binder.bind(pod, "node-1")).toMatchObject({ kind: "failed" });
    expect((await cluster.client.get(PODS, keyOf(successor))).spec?.nodeName).toBeUndefined();
  });

  it("bind() fails when the pod has a node already", async () => {
    const pod = await create();
    const binder = new Binder({ client: cluster.client, clock });
    await binder.bind(pod, "node-1");
    expect(await binder.bind(pod, "node-2")).toMatchObject({
      kind: "failed",
      message: expect.stringContaining('pod web is already assigned to node "node-1"'),
    });
  });

  it("bind() gives up when there is no answer for 30 s", async () => {
    const pod = await create();
    const binder = new Binder({ client: silent(cluster.client), clock });
    const outcome = binder.bind(pod, "node-1");
    clock.advance(30_000);
    expect(await outcome).toEqual({ kind: "failed", message: "no answer within 30000 ms" });
  });

  it("close() waits 2 s for what is under way, then gives it up", async () => {
    const pod = await create();
    const binder = new Binder({ client: silent(cluster.client), clock });
    const outcome = binder.bind(pod, "node-1");
    const closed = binder.close();
    expect(binder.count).toBe(1);
    clock.advance(2_000);
    expect(await outcome).toEqual({ kind: "failed", message: "the scheduler is closing" });
    await closed;
    expect(binder.count).toBe(0);
    expect(clock.nextAtMs()).toBeUndefined();
  });
});

/** A server that never answers; a call ends when it is aborted. */
function silent(client: ObjectClient): ObjectClient {
  return new Proxy(client, {
    get: (target, name) =>
      name === "createSubresource" ? neverAnswered : Reflect.get(target, name),
  });
}

const neverAnswered: ObjectClient["createSubresource"] = (
  _resource,
  _key,
  _subresource,
  _body,
  options,
) =>
  new Promise((_resolve, reject) => {
    const signal = options?.signal;
    signal?.addEventListener("abort", () => reject(signal.reason));
  });
