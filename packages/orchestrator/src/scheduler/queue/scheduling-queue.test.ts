import { VirtualClock } from "@sagong/base";
import { beforeEach, describe, expect, it } from "vitest";
import type { Pod } from "../../api/gen/core-v1.js";
import type { ClusterEvent } from "../framework/cluster-event.js";
import { podKey } from "../framework/pod-info.js";
import { podOf } from "../testing/cluster-objects.js";
import { SchedulingQueue } from "./scheduling-queue.js";

const NOTHING: ReadonlySet<ClusterEvent> = new Set();
const ROOM: ReadonlySet<ClusterEvent> = new Set(["pod-removed"]);

describe("SchedulingQueue", () => {
  let clock: VirtualClock;
  let queue: SchedulingQueue;

  beforeEach(() => {
    clock = new VirtualClock();
    queue = new SchedulingQueue(clock);
  });

  const pod = (name: string, priority?: number): Pod =>
    podOf(name, priority === undefined ? {} : { spec: { priority } });
  const next = async (): Promise<string | undefined> => (await queue.next())?.metadata.name;
  const key = (name: string): string => podKey(pod(name));
  /** Tries it once, without success. */
  const fail = async (name: string, helpedBy = ROOM): Promise<void> => {
    expect(await next()).toBe(name);
    queue.giveBackUnschedulable(key(name), helpedBy);
  };

  it("next() takes the highest priority first, then the order of arrival (SQ1)", async () => {
    for (const one of [pod("a"), pod("b", 10), pod("c"), pod("d", 10), pod("e", -1)])
      queue.set(one);
    const order = [await next(), await next(), await next(), await next(), await next()];
    expect(order).toEqual(["b", "d", "a", "c", "e"]);
  });

  it("next() waits for a pod when there is none", async () => {
    const waiting = next();
    queue.set(pod("late"));
    expect(await waiting).toBe("late");
  });

  it("next() ends when the queue is closed", async () => {
    const waiting = next();
    queue.close();
    expect(await waiting).toBeUndefined();
    expect(clock.nextAtMs()).toBeUndefined();
  });

  it("remove() takes a pod out of wherever it is", async () => {
    queue.set(pod("active"));
    queue.remove(key("active"));
    queue.set(pod("trying"));
    expect(await next()).toBe("trying");
    queue.remove(key("trying"));
    queue.giveBackUnschedulable(key("trying"), ROOM);
    queue.happened("pod-removed");
    expect(queue.size).toBe(0);
    queue.set(pod("last"));
    expect(await next()).toBe("last");
  });

  it("happened() brings back what it may help, and nothing else", async () => {
    queue.set(pod("a"));
    await fail("a", ROOM);
    queue.set(pod("b"));
    await fail("b", new Set(["node-added", "node-labels"]));
    queue.happened("node-taints");
    expect([queue.placeOf(key("a")), queue.placeOf(key("b"))]).toEqual([
      "unschedulable",
      "unschedulable",
    ]);
    queue.happened("node-labels");
    expect([queue.placeOf(key("a")), queue.placeOf(key("b"))]).toEqual([
      "unschedulable",
      "backoff",
    ]);
  });

  it("happened() counts for a pod that is being tried (SQ2)", async () => {
    queue.set(pod("a"));
    expect(await next()).toBe("a");
    queue.happened("pod-removed");
    queue.giveBackUnschedulable(key("a"), ROOM);
    expect(queue.placeOf(key("a"))).toBe("backoff");
  });

  it("happened() does not count when it was before the try", async () => {
    queue.happened("pod-removed");
    queue.set(pod("a"));
    await fail("a");
    expect(queue.placeOf(key("a"))).toBe("unschedulable");
  });

  it("next() prefers what is active to what backs off, and takes that when nothing is", async () => {
    queue.set(pod("a", 100));
    await fail("a");
    queue.happened("pod-removed");
    queue.set(pod("b"));
    expect(await next()).toBe("b");
    expect(await next()).toBe("a");
    expect(clock.monotonicMs()).toBe(0);
  });

  it("next() takes a pod whose backoff is over by its priority again", async () => {
    queue.set(pod("a", 100));
    await fail("a");
    queue.happened("pod-removed");
    clock.advance(999);
    queue.set(pod("b"));
    queue.set(pod("c"));
    expect(await next()).toBe("b");
    clock.advance(1);
    expect(await next()).toBe("a");
    expect(await next()).toBe("c");
  });

  it("giveBackFailed() waits 1 s, doubled up to 10 s, also when nothing else is to be done", async () => {
    queue.set(pod("a"));
    expect(await next()).toBe("a");
    for (const waitMs of [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]) {
      queue.giveBackFailed(key("a"));
      const waiting = next();
      clock.advance(waitMs - 1);
      expect(queue.placeOf(key("a"))).toBe("failed");
      clock.advance(1);
      expect(await waiting).toBe("a");
    }
  });

  it("set() brings an unschedulable pod back when its spec or labels changed, not its status", async () => {
    queue.set(pod("a"));
    await fail("a", NOTHING);
    queue.set({ ...pod("a"), status: { phase: "Pending" } });
    expect(queue.placeOf(key("a"))).toBe("unschedulable");
    const changed = pod("a");
    queue.set({ ...changed, metadata: { ...changed.metadata, generation: 2 } });
    expect(queue.placeOf(key("a"))).toBe("backoff");
  });

  it("next() hands out the pod as it was set last", async () => {
    queue.set(pod("a"));
    queue.set({ ...pod("a"), status: { phase: "Pending" } });
    expect((await queue.next())?.status?.phase).toBe("Pending");
  });

  it("set() keeps a gated pod back until its gates are gone, and then owes it no wait", async () => {
    const gated = podOf("a", { spec: { schedulingGates: [{ name: "quota" }] } });
    queue.set(gated);
    queue.happened("node-added");
    expect(queue.placeOf(key("a"))).toBe("gated");
    queue.set(pod("a"));
    expect(await next()).toBe("a");
  });

  it("takes what is unschedulable for 5 minutes back by itself", async () => {
    queue.set(pod("a"));
    await fail("a", NOTHING);
    clock.advance(299_999);
    expect(queue.placeOf(key("a"))).toBe("unschedulable");
    clock.advance(30_000);
    expect(await next()).toBe("a");
  });
});
