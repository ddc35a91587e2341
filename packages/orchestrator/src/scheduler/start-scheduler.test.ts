import { VirtualClock, seededRandom, silentLogger } from "@sagong/base";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api/api-status.js";
import type { Event, Node, Pod } from "../api/gen/core-v1.js";
import { EVENTS, LEASES, NAMESPACES, NODES, PODS } from "../api/resources.js";
import type { ObjectClient } from "../client/object-client.js";
import type { RunningComponent } from "../controller/component.js";
import { type MemoryCluster, openMemoryCluster } from "../testing/memory-cluster.js";
import { startScheduler } from "./start-scheduler.js";
import { nodeOf, podOf } from "./testing/cluster-objects.js";

const NAMESPACE = "default";

describe("startScheduler()", () => {
  let clock: VirtualClock;
  let cluster: MemoryCluster;
  let scheduler: RunningComponent | undefined;

  beforeEach(async () => {
    clock = new VirtualClock();
    cluster = await openMemoryCluster({ clock });
    await cluster.client.create(NAMESPACES, { metadata: { name: "kube-system" } });
  });

  afterEach(async () => {
    await scheduler?.close();
    scheduler = undefined;
    await cluster.close();
  });

  const start = (client: ObjectClient = cluster.client): void => {
    const random = seededRandom(1);
    const options = { identity: "test" };
    scheduler = startScheduler(options, { client, clock, random, logger: silentLogger });
  };
  const createNode = (name: string, parts?: Parameters<typeof nodeOf>[1]): Promise<Node> =>
    cluster.client.create(NODES, asNew(nodeOf(name, parts)));
  const createPod = (name: string, parts?: Parameters<typeof podOf>[1]): Promise<Pod> =>
    cluster.client.create(PODS, asNew(podOf(name, parts)));
  const podWhen = (name: string, holds: (pod: Pod) => boolean): Promise<Pod> =>
    podThat(cluster.client, name, holds);

  it("startScheduler() binds a pod to the only node when it fits", async () => {
    await createNode("node-1");
    start();
    await createPod("web");
    const pod = await podWhen("web", isBound);
    expect(pod.spec?.nodeName).toBe("node-1");
    expect(conditionOf(pod)).toMatchObject({ status: "True" });
    expect(await eventOf(cluster.client, "web")).toMatchObject({
      type: "Normal",
      reason: "Scheduled",
      message: "Successfully assigned default/web to node-1",
      source: { component: "default-scheduler" },
    });
    const lease = await cluster.client.get(LEASES, {
      namespace: "kube-system",
      name: "kube-scheduler",
    });
    expect(lease.spec?.holderIdentity).toBe("test");
  });

  it("startScheduler() says why when no node fits, and binds when there is one that does", async () => {
    await createNode("small", { allocatable: { cpu: "1", memory: "1Gi", pods: "10" } });
    start();
    await createPod("web", { requests: { cpu: "2" } });
    const waiting = await podWhen("web", (pod) => conditionOf(pod) !== undefined);
    const message =
      "0/1 nodes are available: 1 Insufficient cpu. " +
      "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
    expect(conditionOf(waiting)).toMatchObject({
      status: "False",
      reason: "Unschedulable",
      message,
    });
    expect(await eventOf(cluster.client, "web")).toMatchObject({
      type: "Warning",
      reason: "FailedScheduling",
      message,
    });
    await createNode("large");
    expect((await podWhen("web", isBound)).spec?.nodeName).toBe("large");
  });

  it("startScheduler() says that there are no nodes when there are none", async () => {
    start();
    await createPod("web");
    const waiting = await podWhen("web", (pod) => conditionOf(pod) !== undefined);
    expect(conditionOf(waiting)?.message).toBe("no nodes available to schedule pods");
  });

  it("startScheduler() gives the room of an ended pod to the next", async () => {
    await createNode("node-1", { allocatable: { cpu: "1", memory: "1Gi", pods: "1" } });
    start();
    await createPod("first");
    await podWhen("first", isBound);
    await createPod("second");
    await podWhen("second", (pod) => conditionOf(pod) !== undefined);
    const key = { namespace: NAMESPACE, name: "first" };
    const ended = { status: { phase: "Succeeded" } };
    await cluster.client.patch(PODS, key, ended, { type: "merge", subresource: "status" });
    expect((await podWhen("second", isBound)).spec?.nodeName).toBe("node-1");
  });

  it("startScheduler() leaves the pods of other schedulers alone", async () => {
    await createNode("node-1");
    start();
    await createPod("theirs", { spec: { schedulerName: "another" } });
    await createPod("ours");
    await podWhen("ours", isBound);
    const theirs = await cluster.client.get(PODS, { namespace: NAMESPACE, name: "theirs" });
    expect(theirs.spec?.nodeName).toBeUndefined();
    expect(conditionOf(theirs)).toBeUndefined();
  });

  it("startScheduler() waits with a gated pod, and says so", async () => {
    await createNode("node-1");
    start();
    await createPod("gated", { spec: { schedulingGates: [{ name: "example.com/quota" }] } });
    const gated = await podWhen("gated", (pod) => conditionOf(pod) !== undefined);
    expect(conditionOf(gated)).toMatchObject({
      status: "False",
      reason: "SchedulingGated",
      message: "Scheduling is blocked due to non-empty scheduling gates",
    });
    await createPod("free");
    await podWhen("free", isBound);
    const still = await podWhen("gated", () => true);
    expect(isBound(still)).toBe(false);
  });

  it("startScheduler() puts no more on a node than it takes when many pods come at once", async () => {
    for (const name of ["node-1", "node-2", "node-3"]) {
      await createNode(name, { allocatable: { cpu: "1", memory: "4Gi", pods: "100" } });
    }
    start();
    const names = Array.from({ length: 13 }, (_, i) => `pod-${i}`);
    await Promise.all(names.map((name) => createPod(name, { requests: { cpu: "250m" } })));
    await vi.waitFor(async () => {
      const { items } = await cluster.client.list(PODS);
      const settled = items.filter((pod) => isBound(pod) || conditionOf(pod) !== undefined);
      expect(settled).toHaveLength(names.length);
    });
    const { items } = await cluster.client.list(PODS);
    const counts = new Map<string, number>();
    for (const { spec } of items) {
      counts.set(spec?.nodeName ?? "none", (counts.get(spec?.nodeName ?? "none") ?? 0) + 1);
    }
    expect(Object.fromEntries(counts)).toEqual({
      "node-1": 4,
      "node-2": 4,
      "node-3": 4,
      none: 1,
    });
  });

  it("startScheduler() counts a pod on its node while it is being bound", async () => {
    await createNode("node-1", { allocatable: { cpu: "1", memory: "1Gi", pods: "1" } });
    let release: () => void = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    start(withBinding(cluster.client, (bind) => released.then(bind)));
    await createPod("first");
    await createPod("second");
    const waiting = await podWhen("second", (pod) => conditionOf(pod) !== undefined);
    expect(conditionOf(waiting)?.message).toContain("1 Too many pods");
    release();
    await podWhen("first", isBound);
  });

  it("startScheduler() takes a pod made anew under the same name for another one", async () => {
    await createNode("node-1", { allocatable: { cpu: "1", memory: "1Gi", pods: "1" } });
    const link = cuttable(cluster.client);
    start(link.client);
    await createPod("web");
    const before = await podWhen("web", isBound);
    await link.cut();
    await cluster.client.delete(
      PODS,
      {
        namespace: NAMESPACE,
        name: "web",
      },
      { gracePeriodSeconds: 0 },
    );
    await createPod("web");
    link.restore();
    // The informer begins anew after its first retry.
    const bound = podWhen("web", (pod) => isBound(pod) && pod.metadata.uid !== before.metadata.uid);
    let isDone = false;
    const done = bound.then(() => {
      isDone = true;
    });
    await advanceUntil(clock, () => isDone);
    await done;
    expect((await bound).spec?.nodeName).toBe("node-1");
  });

  it("startScheduler() tries again after a backoff when a binding is refused", async () => {
    await createNode("node-1");
    let refusals = 2;
    start(
      withBinding(cluster.client, async (bind) => {
        if (refusals-- > 0) throw new Error("the store is away");
        return bind();
      }),
    );
    await createPod("web");
    const refused = await podWhen("web", (pod) => conditionOf(pod) !== undefined);
    expect(conditionOf(refused)).toMatchObject({
      reason: "SchedulerError",
      message: "binding rejected: the store is away",
    });
    await advanceUntil(clock, () => refusals === 0);
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(1_000);
    await advanceUntil(clock, () => refusals < 0);
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(3_000);
    expect((await podWhen("web", isBound)).spec?.nodeName).toBe("node-1");
  });

  it("close() ends while the API server cannot be reached", async () => {
    const away = (): Promise<never> => Promise.reject(new Error("connection refused"));
    const client = new Proxy(cluster.client, {
      get: (target, name) =>
        name === "watch"
          ? () => ({ [Symbol.asyncIterator]: () => ({ next: away }) })
          : Reflect.get(target, name).bind(target),
    });
    start(client);
    const leads = async (): Promise<unknown> =>
      cluster.client.get(LEASES, { namespace: "kube-system", name: "kube-scheduler" });
    await vi.waitFor(leads);
    await scheduler?.close();
    scheduler = undefined;
    expect(clock.nextAtMs()).toBeUndefined();
  });

  it("close() leaves no timer behind, and what comes after unscheduled", async () => {
    await createNode("node-1");
    start();
    await createPod("before");
    await podWhen("before", isBound);
    await scheduler?.close();
    scheduler = undefined;
    expect(clock.nextAtMs()).toBeUndefined();
    await createPod("after");
    const after = await cluster.client.get(PODS, { namespace: NAMESPACE, name: "after" });
    expect(after.spec?.nodeName).toBeUndefined();
  });
});

/** Without what only the server gives. */
function asNew<T extends Node | Pod>(object: T): T {
  const { uid: _uid, generation: _generation, ...metadata } = object.metadata;
  return { ...object, metadata };
}

function isBound({ spec }: Pod): boolean {
  return Boolean(spec?.nodeName);
}

function conditionOf({
  status,
}: Pod): NonNullable<NonNullable<Pod["status"]>["conditions"]>[number] | undefined {
  return status?.conditions?.find(({ type }) => type === "PodScheduled");
}

async function podThat(
  client: ObjectClient,
  name: string,
  holds: (pod: Pod) => boolean,
): Promise<Pod> {
  const abort = new AbortController();
  const options = { fieldSelector: `metadata.name=${name}`, sendInitialEvents: true };
  const events = client.watch(PODS, {
    ...options,
    namespace: NAMESPACE,
    allowWatchBookmarks: true,
    signal: abort.signal,
  });
  try {
    for await (const { type, object } of events) {
      if (type !== "BOOKMARK" && holds(object)) return object;
    }
  } finally {
    abort.abort(new Error("seen"));
  }
  throw new Error(`the watch ended before pod ${name} was as it should be`);
}

async function eventOf(client: ObjectClient, podName: string): Promise<Event> {
  return vi.waitFor(async () => {
    const { items } = await client.list(EVENTS, { namespace: NAMESPACE });
    const event = items.find(({ involvedObject }) => involvedObject.name === podName);
    if (!event) throw new Error(`no event about ${podName} yet`);
    return event;
  });
}

function withBinding(
  client: ObjectClient,
  around: (bind: () => Promise<unknown>) => Promise<unknown>,
): ObjectClient {
  return new Proxy(client, {
    get: (target, name) => {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") return method;
      if (name !== "createSubresource") return method.bind(target);
      return (...args: unknown[]) => around(() => Reflect.apply(method, target, args));
    },
  });
}

/** Lets everything that is ready run between steps of 100 ms. */
async function advanceUntil(clock: VirtualClock, done: () => boolean): Promise<void> {
  for (let steps = 0; !done(); steps++) {
    if (steps > 1_000) throw new Error("nothing happened within 100 s");
    clock.advance(100);
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

interface Link {
  readonly client: ObjectClient;
  /** Ends all watches; new ones wait. Resolves when none brings anything any more. */
  cut(): Promise<void>;
  /** New ones are told that what they missed is forgotten. */
  restore(): void;
}

function cuttable(target: ObjectClient): Link {
  let ending = new AbortController();
  let whole = Promise.resolve();
  let restore: () => void = () => {};
  let forgotten = false;
  let open = 0;
  const watch: ObjectClient["watch"] = async function* (resource, options = {}) {
    await whole;
    if (forgotten && options.resourceVersion !== undefined) {
      throw new ApiError("Expired", "too old resource version");
    }
    const signals = [ending.signal, ...(options.signal ? [options.signal] : [])];
    open++;
    try {
      yield* target.watch(resource, { ...options, signal: AbortSignal.any(signals) });
    } finally {
      open--;
    }
  };
  return {
    client: new Proxy(target, {
      get: (_, name) => {
        if (name === "watch") return watch;
        const method: unknown = Reflect.get(target, name);
        return typeof method === "function" ? method.bind(target) : method;
      },
    }),
    cut: async () => {
      whole = new Promise((resolve) => {
        restore = resolve;
      });
      ending.abort(new Error("cut"));
      await vi.waitFor(() => expect(open).toBe(0));
    },
    restore: () => {
      ending = new AbortController();
      forgotten = true;
      restore();
    },
  };
}
