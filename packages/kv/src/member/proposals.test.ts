import { errorText, VirtualClock } from "@sagong/base";
import type { RaftStatus } from "@sagong/raft";
import { describe, expect, it } from "vitest";
import { PutRequest } from "../gen/rpc.js";
import { RequestBatch } from "../gen/store.js";
import { Proposals } from "./proposals.js";
import type { EncodedRequest } from "./request-batch.js";

class NoLeader extends Error {}

function setup({ leaderId }: { leaderId: bigint | undefined } = { leaderId: 1n }) {
  const clock = new VirtualClock();
  /** Each the ids of a batch. */
  const proposed: number[][] = [];
  const turn: (() => void)[] = [];
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
      const { memberId, firstSequence, requests } = RequestBatch.decode(data);
      expect(memberId).toBe(1n);
      proposed.push(requests.map((_, i) => firstSequence + i));
    },
    status,
    onLeaderChange: (listener: (status: RaftStatus) => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  const proposals = new Proposals<string, string>({
    memberId: 1n,
    raft,
    clock,
    timeoutMs: 7_000,
    electionTimeoutMs: 1_000,
    isRetryable: (error) => error instanceof NoLeader,
    firstId: 100,
    respond: (result) => {
      if (result.startsWith("refuse")) throw new Error(result);
      return result;
    },
    afterCurrent: (callback) => void turn.push(callback),
  });
  const endTurn = (): void => {
    for (const callback of turn.splice(0)) callback();
  };
  const leaderChanges = (to: bigint | undefined): void => {
    state.leaderId = to;
    for (const listener of listeners) listener(status());
  };
  return { clock, proposed, proposals, state, leaderChanges, endTurn };
}

const REQUEST: EncodedRequest = putOf(1);

function putOf(bytes: number): EncodedRequest {
  const put = PutRequest.create({ value: new Uint8Array(bytes) });
  return { kind: "put", body: PutRequest.encode(put) };
}

/** The text with which `promise` is refused; watched from now on, to be awaited later. */
function refusal(promise: PromiseLike<unknown>): Promise<string> {
  return Promise.resolve(promise).then(
    () => "not refused",
    (error: unknown) => errorText(error),
  );
}

describe("Proposals", () => {
  it("propose() offers the requests of a turn as one batch, and resolves each by its id", async () => {
    const { proposals, proposed, endTurn } = setup();
    const a = proposals.propose(REQUEST);
    const b = proposals.propose(REQUEST);
    endTurn();
    const c = proposals.propose(REQUEST);
    endTurn();
    expect(proposed).toEqual([[100, 101], [102]]);
    expect(proposals.complete(101, "b")).toBe(true);
    expect(proposals.complete(100, "a")).toBe(true);
    expect(proposals.complete(100, "a")).toBe(false);
    expect(proposals.complete(102, "refuse c")).toBe(true);
    expect(await Promise.all([a, b])).toEqual(["a", "b"]);
    expect(await refusal(c)).toBe("refuse c");
  });

  it("propose() begins another batch when one has half a mebibyte", () => {
    const { proposals, proposed, endTurn } = setup();
    for (let i = 0; i < 3; i++) proposals.propose(putOf(300 * 1024));
    expect(proposed).toEqual([[100, 101]]);
    endTurn();
    expect(proposed).toEqual([[100, 101], [102]]);
  });

  it("propose() holds batches back while there is no leader, and keeps their order", async () => {
    const { proposals, proposed, leaderChanges, endTurn } = setup({ leaderId: undefined });
    const a = proposals.propose(REQUEST);
    endTurn();
    const b = proposals.propose(REQUEST);
    endTurn();
    expect(proposed).toEqual([]);
    leaderChanges(2n);
    expect(proposed).toEqual([[100], [101]]);
    proposals.complete(100, "a");
    proposals.complete(101, "b");
    expect(await Promise.all([a, b])).toEqual(["a", "b"]);
  });

  it("propose() offers nothing twice when the leader changes", async () => {
    const { proposals, proposed, leaderChanges, endTurn } = setup();
    const a = proposals.propose(REQUEST);
    endTurn();
    leaderChanges(undefined);
    leaderChanges(2n);
    expect(proposed).toHaveLength(1);
    proposals.complete(100, "a");
    await a;
  });

  it("propose() times out with etcd's texts, finer after a leader change", async () => {
    const { proposals, clock, leaderChanges, endTurn } = setup();
    const lost = refusal(proposals.propose(REQUEST));
    endTurn();
    clock.advance(1_000);
    leaderChanges(2n);
    clock.advance(500);
    const slow = refusal(proposals.propose(REQUEST));
    endTurn();
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
    const { proposals, proposed, clock, leaderChanges, endTurn } = setup({ leaderId: undefined });
    const lost = refusal(proposals.propose(REQUEST));
    endTurn();
    clock.advance(7_000);
    expect(await lost).toMatch("request timed out");
    leaderChanges(2n);
    expect(proposed).toEqual([]);
  });

  it("propose() refuses when applying lags 5,000 entries behind, or raft is full", async () => {
    const { proposals, state, endTurn } = setup();
    state.commitIndex = 5_006;
    expect(() => proposals.propose(REQUEST)).toThrow("etcdserver: too many requests");
    state.commitIndex = 5;
    state.refusal = new Error("uncommitted entries over the limit");
    const refused = refusal(proposals.propose(REQUEST));
    endTurn();
    expect(await refused).toMatch("etcdserver: too many requests");
    expect(proposals.pendingCount).toBe(0);
  });

  it("propose() refuses when 20,000 wait", () => {
    const { proposals } = setup();
    for (let i = 0; i < 20_000; i++) proposals.propose(REQUEST);
    expect(() => proposals.propose(REQUEST)).toThrow("etcdserver: too many requests");
  });

  it("close() fails what waits and what comes later", async () => {
    const { proposals, proposed, endTurn } = setup();
    const waiting = refusal(proposals.propose(REQUEST));
    proposals.close(new Error("stopping"));
    expect(await waiting).toMatch("stopping");
    expect(() => proposals.propose(REQUEST)).toThrow("stopping");
    endTurn();
    expect(proposed).toEqual([]);
  });
});
