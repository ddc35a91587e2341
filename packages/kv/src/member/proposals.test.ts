import { errorText, VirtualClock } from "@sagong/base";
import type { RaftStatus } from "@sagong/raft";
import { describe, expect, it } from "vitest";
import { Proposals } from "./proposals.js";

class NoLeader extends Error {}

function setup({ leaderId }: { leaderId: bigint | undefined } = { leaderId: 1n }) {
  const clock = new VirtualClock();
  const proposed: Uint8Array[] = [];
  const listeners = new Set<(status: RaftStatus) => void>();
  const state = {
    leaderId,
    commitIndex: 5,
    appliedIndex: 5,
    refusal: undefined as Error | undefined,
  };
  const status = (): RaftStatus => ({
    nodeId: 1n,
    role: "follower",
    term: 1,
    leaderId: state.leaderId,
    commitIndex: state.commitIndex,
    appliedIndex: state.appliedIndex,
    lastIndex: state.commitIndex,
  });
  const raft = {
    propose: (data: Uint8Array) => {
      if (state.refusal) throw state.refusal;
      if (state.leaderId === undefined) throw new NoLeader();
      proposed.push(data);
    },
    status,
    onLeaderChange: (listener: (status: RaftStatus) => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  const proposals = new Proposals<string>({
    raft,
    clock,
    timeoutMs: 7_000,
    electionTimeoutMs: 1_000,
    isRetryable: (error) => error instanceof NoLeader,
    firstId: 100,
  });
  const leaderChanges = (to: bigint | undefined): void => {
    state.leaderId = to;
    for (const listener of listeners) listener(status());
  };
  return { clock, proposed, proposals, state, leaderChanges };
}

const encode = (id: number): Uint8Array => Uint8Array.of(id);

/** The text with which `promise` is refused; watched from now on, to be awaited later. */
function refusal(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "not refused",
    (error: unknown) => errorText(error),
  );
}

describe("Proposals", () => {
  it("propose() resolves with the result that is completed under its id", async () => {
    const { proposals, proposed } = setup();
    const a = proposals.propose(encode);
    const b = proposals.propose(encode);
    expect(proposed).toEqual([Uint8Array.of(100), Uint8Array.of(101)]);
    expect(proposals.complete(101, "b")).toBe(true);
    expect(proposals.complete(100, "a")).toBe(true);
    expect(proposals.complete(100, "a")).toBe(false);
    expect(await Promise.all([a, b])).toEqual(["a", "b"]);
  });

  it("propose() holds requests back while there is no leader, and keeps their order", async () => {
    const { proposals, proposed, leaderChanges } = setup({ leaderId: undefined });
    const all = Promise.all([proposals.propose(encode), proposals.propose(encode)]);
    expect(proposed).toEqual([]);
    leaderChanges(2n);
    expect(proposed).toEqual([Uint8Array.of(100), Uint8Array.of(101)]);
    proposals.complete(100, "a");
    proposals.complete(101, "b");
    expect(await all).toEqual(["a", "b"]);
  });

  it("propose() offers nothing twice when the leader changes", async () => {
    const { proposals, proposed, leaderChanges } = setup();
    const a = proposals.propose(encode);
    leaderChanges(undefined);
    leaderChanges(2n);
    expect(proposed).toHaveLength(1);
    proposals.complete(100, "a");
    await a;
  });

  it("propose() times out with etcd's texts, finer after a leader change", async () => {
    const { proposals, clock, leaderChanges } = setup();
    const lost = refusal(proposals.propose(encode));
    clock.advance(1_000);
    leaderChanges(2n);
    clock.advance(500);
    const slow = refusal(proposals.propose(encode));
    clock.advance(5_500);
    expect(await lost).toMatch(
      "etcdserver: request timed out, possibly due to previous leader failure",
    );
    expect(proposals.pendingCount).toBe(1);
    clock.advance(1_500);
    expect(await slow).toMatch(/^etcdserver: request timed out$/);
    expect(proposals.pendingCount).toBe(0);
  });

  it("propose() does not offer a request that timed out while it waited for a leader", async () => {
    const { proposals, proposed, clock, leaderChanges } = setup({ leaderId: undefined });
    const lost = refusal(proposals.propose(encode));
    clock.advance(7_000);
    expect(await lost).toMatch("request timed out");
    leaderChanges(2n);
    expect(proposed).toEqual([]);
  });

  it("propose() refuses when applying lags 5,000 entries behind, or raft is full", async () => {
    const { proposals, state } = setup();
    state.commitIndex = 5_006;
    await expect(proposals.propose(encode)).rejects.toThrow("etcdserver: too many requests");
    state.commitIndex = 5;
    state.refusal = new Error("uncommitted entries over the limit");
    await expect(proposals.propose(encode)).rejects.toThrow("etcdserver: too many requests");
    expect(proposals.pendingCount).toBe(0);
  });

  it("close() fails what waits and what comes later", async () => {
    const { proposals } = setup();
    const waiting = refusal(proposals.propose(encode));
    proposals.close(new Error("stopping"));
    expect(await waiting).toMatch("stopping");
    await expect(proposals.propose(encode)).rejects.toThrow("stopping");
  });
});
