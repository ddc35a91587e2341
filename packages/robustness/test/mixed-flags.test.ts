/**
 * Members whose flags differ, as in the middle of a rolling restart with changed flags, apply the same.
 * Found by the simulator's fault `changed-flags`: the least TTL of a lease follows from the election
 * timeout, and each member had applied its own.
 */
import { LeaseGrantRequest, LeaseService } from "@sagong/kv/testing";
import { describe, expect, it } from "vitest";
import { Cluster } from "../src/member/cluster.js";
import { SimulatedWorld } from "../src/world/simulated-world.js";

const ELECTION_TIMEOUTS_MS = [1_000, 3_000, 5_000] as const;

describe("members with different election timeouts", () => {
  it("hold a lease of the same TTL, the least of whoever was asked", async () => {
    const world = new SimulatedWorld(1);
    const cluster = new Cluster({ world, members: 3 });
    const { members } = cluster;
    for (const [i, electionTimeoutMs] of ELECTION_TIMEOUTS_MS.entries()) {
      members[i]!.flags = { electionTimeoutMs };
    }
    await world.settle(cluster.start(), 60_000);
    await world.runUntil(world.nowMs + 10_000);
    for (const [i, member] of members.entries()) {
      const request = LeaseGrantRequest.create({ id: BigInt(i + 1), ttl: 1 });
      const grant = member.channel("tenant").unary(LeaseService.methods.leaseGrant, request);
      const { ttl } = await world.settle(grant, 10_000);
      expect(ttl).toBe([2, 5, 8][i]);
    }
    await world.runUntil(world.nowMs + 500);
    const digests = members.map((member) => member.appliedDigest());
    expect(digests).toEqual([digests[0], digests[0], digests[0]]);
  });
});
