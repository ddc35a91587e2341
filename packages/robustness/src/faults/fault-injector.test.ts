import { describe, expect, it } from "vitest";
import { Cluster } from "../member/cluster.js";
import type { ScheduledFault } from "../simulation/simulation.js";
import { SimulatedWorld } from "../world/simulated-world.js";
import { FaultInjector } from "./fault-injector.js";

async function injected(
  schedule: readonly ScheduledFault[],
): Promise<{ readonly cluster: Cluster; readonly injector: FaultInjector }> {
  const world = new SimulatedWorld(1);
  const cluster = new Cluster({ world, members: 3 });
  await world.settle(cluster.start(), 10_000);
  const injector = new FaultInjector({ cluster, onForget: () => {} });
  injector.start(schedule);
  return { cluster, injector };
}

describe("FaultInjector", () => {
  it("heal() is over only when members that a fault gave other flags are back with their own", async () => {
    const { cluster, injector } = await injected([
      {
        fault: "quota-hit",
        atMs: 1_000,
        durationMs: 20_000,
        parameters: { quotaBytes: 64 * 1024 },
      },
    ]);
    const { world, members } = cluster;
    const quotas = (): unknown[] => members.map(({ flags }) => flags.quotaBackendBytes);
    await world.runUntilTrue(() => injector.isAtRest && world.nowMs > 1_000, 20_000);
    expect(quotas()).toEqual([65_536, 65_536, 65_536]);

    injector.heal();
    expect(injector.isAtRest).toBe(false);
    expect(await world.runUntilTrue(() => injector.isAtRest, world.nowMs + 30_000)).toBe(true);
    expect(quotas()).toEqual(members.map(({ ownFlags }) => ownFlags.quotaBackendBytes));
    let ended = 0;
    for (const member of members) member.onEnded(() => ended++);
    await world.runUntil(world.nowMs + 30_000);
    expect(ended).toBe(0);
  });
});
