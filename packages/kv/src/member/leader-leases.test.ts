import { errorText, VirtualClock } from "@sagong/base";
import { RpcError, StatusCode } from "@sagong/rpc";
import { describe, expect, it } from "vitest";
import { LeaderLeases } from "./leader-leases.js";
import { MemberError } from "./member-error.js";
import type { PeerLeases } from "./peer-lease-service.js";

const settle = (): Promise<void> => new Promise((done) => setImmediate(done));

function answering(errors: Error[], ttl: number): PeerLeases {
  return {
    renew: async ({ id }) => {
      const error = errors.shift();
      if (error) throw error;
      return { header: undefined, id, ttl };
    },
    timesOf: async ({ id }) => ({ header: undefined, id, ttl, grantedTtl: ttl, keys: [] }),
  };
}

function setup(options: { leaderId: bigint | undefined; own?: Error[]; peer?: Error[] }) {
  const clock = new VirtualClock();
  const state = { leaderId: options.leaderId };
  const closing = new AbortController();
  const leases = new LeaderLeases({
    own: answering(options.own ?? [], 11),
    peer: (id) => (id === 2n ? answering(options.peer ?? [], 22) : undefined),
    raft: {
      status: () => ({
        nodeId: 1n,
        role: "follower",
        term: 1,
        leaderId: state.leaderId,
        commitIndex: 0,
        appliedIndex: 0,
        lastIndex: 0,
      }),
    },
    memberId: 1n,
    clock,
    timeoutMs: 7_000,
    signal: closing.signal,
  });
  return { clock, leases, state, closing };
}

describe("LeaderLeases", () => {
  it("answers itself where it leads, and asks the leader elsewhere", async () => {
    expect(await setup({ leaderId: 1n }).leases.renew({ id: 5n })).toMatchObject({ ttl: 11 });
    expect(await setup({ leaderId: 2n }).leases.renew({ id: 5n })).toMatchObject({ ttl: 22 });
  });

  it("asks again through a change of leader", async () => {
    const peer = [new RpcError(StatusCode.unavailable, "gone"), new MemberError("not-leader")];
    const { leases, clock, state } = setup({ leaderId: 2n, peer });
    const renewed = leases.renew({ id: 5n });
    await settle();
    clock.advance(50);
    await settle();
    state.leaderId = 1n;
    clock.advance(50);
    expect(await renewed).toMatchObject({ ttl: 11 });
  });

  it("gives up after its time limit when there is no leader", async () => {
    const { leases, clock } = setup({ leaderId: undefined });
    const refused = Promise.resolve(leases.renew({ id: 5n })).catch(errorText);
    for (let i = 0; i <= 140; i++) {
      await settle();
      clock.advance(50);
    }
    expect(await refused).toBe("etcdserver: no leader");
  });

  it("refuses at once what it still asks for, and all that comes later, when its member closes", async () => {
    const closed = new MemberError("stopped");
    for (const leaderId of [undefined, 2n]) {
      const peer = [new RpcError(StatusCode.unavailable, "the channel was closed")];
      const { leases, clock, closing } = setup({ leaderId, peer });
      const refused = Promise.resolve(leases.renew({ id: 5n })).catch(errorText);
      await settle();
      closing.abort(closed);
      expect(await refused).toBe("etcdserver: server stopped");
      // Nothing keeps the process of a member that has stopped.
      expect(clock.nextAtMs()).toBeUndefined();
      await expect(leases.timesOf({ id: 5n, keys: false })).rejects.toThrow("server stopped");
    }
  });

  it("passes on what is final", async () => {
    const peer = [new RpcError(StatusCode.invalidArgument, "nonsense")];
    await expect(setup({ leaderId: 2n, peer }).leases.renew({ id: 5n })).rejects.toThrow(
      "nonsense",
    );
  });
});
