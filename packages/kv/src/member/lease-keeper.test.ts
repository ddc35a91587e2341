import { silentLogger, VirtualClock } from "@sagong/base";
import type { RaftRole, RaftStatus } from "@sagong/raft";
import { describe, expect, it } from "vitest";
import { Lessor } from "../lease/lessor.js";
import { AppliedWaiters } from "./applied-waiters.js";
import { LeaseKeeper } from "./lease-keeper.js";

const settle = (): Promise<void> => new Promise((done) => setImmediate(done));

function setup(options: { revokeFails?: boolean } = {}) {
  const clock = new VirtualClock();
  const lessor = new Lessor();
  const applied = new AppliedWaiters(10);
  const revoked: { id: bigint; term: number }[] = [];
  const state: { role: RaftRole; term: number; lastIndex: number } = {
    role: "follower",
    term: 1,
    lastIndex: 10,
  };
  let listener: (status: RaftStatus) => void = () => {};
  const status = (): RaftStatus => ({
    nodeId: 1n,
    role: state.role,
    term: state.term,
    leaderId: 1n,
    commitIndex: 10,
    appliedIndex: 10,
    lastIndex: state.lastIndex,
  });
  let reads = 0;
  const keeper = new LeaseKeeper({
    lessor,
    applied,
    clock,
    logger: silentLogger,
    electionTimeoutMs: 1_000,
    raft: {
      status,
      onLeaderChange: (added: (status: RaftStatus) => void) => {
        listener = added;
        return () => {};
      },
    },
    reads: {
      wait: async () => {
        reads++;
      },
    },
    revoke: async (request) => {
      revoked.push(request);
      if (options.revokeFails) throw new Error("no quorum");
      lessor.revoke(request.id);
    },
  });
  const become = async (role: RaftRole, term: number): Promise<void> => {
    Object.assign(state, { role, term });
    listener(status());
    await settle();
  };
  return { clock, lessor, applied, keeper, revoked, state, become, reads: () => reads };
}

describe("LeaseKeeper", () => {
  it("revokes what has expired, with the term in which it was found", async () => {
    const { clock, lessor, revoked, become } = setup();
    await become("leader", 2);
    lessor.grant(7n, 5, clock.monotonicMs());
    clock.advance(4_500);
    expect(revoked).toEqual([]);
    clock.advance(500);
    expect(revoked).toEqual([{ id: 7n, term: 2 }]);
  });

  it("revokes nothing on a follower, and nothing any more once deposed", async () => {
    const { clock, lessor, revoked, become } = setup();
    lessor.grant(7n, 5, clock.monotonicMs());
    clock.advance(60_000);
    await become("leader", 2);
    await become("follower", 3);
    clock.advance(60_000);
    expect(revoked).toEqual([]);
  });

  it("judges by time only after it has applied all of earlier terms", async () => {
    const { applied, keeper, state, become } = setup();
    state.lastIndex = 12;
    await become("leader", 2);
    expect(keeper.isPrimary).toBe(false);
    applied.advanceTo(12);
    await settle();
    expect(keeper.isPrimary).toBe(true);
  });

  it("gives every lease its full time and two election timeouts more on taking over", async () => {
    const { clock, lessor, revoked, become } = setup();
    lessor.grant(7n, 5, clock.monotonicMs());
    clock.advance(100_000);
    await become("leader", 2);
    clock.advance(6_900);
    expect(revoked).toEqual([]);
    clock.advance(600);
    expect(revoked).toHaveLength(1);
  });

  it("has at most 16 revocations under way, and goes on with the rest", async () => {
    const { clock, lessor, revoked, become } = setup();
    await become("leader", 2);
    for (let id = 1n; id <= 40n; id++) lessor.grant(id, 1, clock.monotonicMs());
    clock.advance(1_000);
    expect(revoked).toHaveLength(16);
    for (let i = 0; i < 10; i++) await settle();
    expect(revoked).toHaveLength(40);
  });

  it("tries a revocation again that failed", async () => {
    const { clock, lessor, revoked, become } = setup({ revokeFails: true });
    await become("leader", 2);
    lessor.grant(7n, 1, clock.monotonicMs());
    clock.advance(1_000);
    await settle();
    clock.advance(500);
    expect(revoked).toHaveLength(2);
  });

  it("renew() prolongs a lease, and reads before it says that there is none", async () => {
    const { clock, lessor, keeper, revoked, become, reads } = setup();
    await become("leader", 2);
    lessor.grant(7n, 5, clock.monotonicMs());
    clock.advance(4_000);
    expect(await keeper.renew(7n)).toBe(5);
    expect(reads()).toBe(0);
    clock.advance(4_500);
    expect(revoked).toEqual([]);
    expect(await keeper.renew(8n)).toBe(0);
    expect(reads()).toBe(1);
  });

  it("timesOf() gives whole seconds left, and the keys when asked", async () => {
    const { clock, lessor, keeper, become } = setup();
    await become("leader", 2);
    lessor.grant(7n, 10, clock.monotonicMs());
    lessor.attach("b", 7n);
    lessor.attach("a", 7n);
    clock.advance(2_300);
    expect(await keeper.timesOf(7n, { withKeys: true })).toEqual({
      ttlSeconds: 7,
      grantedSeconds: 10,
      keys: [Uint8Array.of(97), Uint8Array.of(98)],
    });
    expect(await keeper.timesOf(8n, { withKeys: false })).toMatchObject({ ttlSeconds: -1 });
  });
});
