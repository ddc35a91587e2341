/** Clients on a simulated cluster without faults: nothing may be missing, and nothing be wrong. */
import { describe, expect, it } from "vitest";
import { checkHistory } from "../check/check-history.js";
import { Cluster } from "../member/cluster.js";
import { SimulatedWorld } from "../world/simulated-world.js";
import { TRAFFIC_PROFILES, type TrafficProfile } from "./profile.js";
import { trafficOn } from "./simulated-traffic.js";

const SAFETY_MS = 5_000;
const FINISH_MS = 20_000;

async function run(seed: number, profile: TrafficProfile, disturb?: "surges") {
  const world = new SimulatedWorld(seed);
  const cluster = new Cluster({ world, members: 3 });
  await world.settle(cluster.start(), 60_000);
  const traffic = trafficOn(cluster, { profile });
  traffic.start();
  if (disturb) {
    traffic.burst(100);
    traffic.manyWatchers(300, 5_000);
    traffic.largeRequests(4_000);
    traffic.slowReaders(5_000);
    traffic.compactNow();
  }
  await world.runUntil(world.nowMs + SAFETY_MS);
  const late = await world.settle(traffic.finish({ withinMs: FINISH_MS }), 3 * FINISH_MS);
  const { history, violations } = traffic;
  return { history, violations: [...late, ...violations], digest: world.digestValue() };
}

describe("Traffic", () => {
  it.each(TRAFFIC_PROFILES)("finds nothing wrong with a healthy store ($name)", async (profile) => {
    const { history, violations } = await run(1, profile);
    expect(violations).toEqual([]);
    expect(checkHistory(history)).toEqual([]);
    const answered = history.operations.filter(({ outcome }) => outcome.kind === "answered");
    expect(answered.length).toBeGreaterThan(30);
    const observer = history.watches.filter(({ client }) => client === "observer");
    expect(observer.map(({ reachedEnd }) => reachedEnd)).toEqual([true]);
  });

  it("ends in order after bursts, crowds of watchers, large requests and slow readers", async () => {
    const [profile] = TRAFFIC_PROFILES;
    const { history, violations } = await run(2, profile!, "surges");
    expect(violations).toEqual([]);
    expect(checkHistory(history)).toEqual([]);
    expect(history.watches.length).toBeGreaterThan(300);
    const errors = history.operations.map(({ outcome }) => "error" in outcome && outcome.error);
    expect(errors).toContain("etcdserver: request is too large");
  });

  it("is the same for the same seed, and another for another", async () => {
    const [profile] = TRAFFIC_PROFILES;
    const [a, b, c] = [await run(3, profile!), await run(3, profile!), await run(4, profile!)];
    expect(b.digest).toBe(a.digest);
    expect(b.history).toEqual(a.history);
    expect(c.digest).not.toBe(a.digest);
  });
});
