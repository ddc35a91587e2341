import { errorText, VirtualClock } from "@sagong/base";
import type { RaftStatus } from "@sagong/raft";
import { describe, expect, it } from "vitest";
import { AppliedWaiters } from "./applied-waiters.js";
import { LinearizableReads } from "./linearizable-reads.js";

interface Question {
  readonly answer: (index: number) => void;
  readonly refuse: (error: Error) => void;
}

function setup(appliedIndex = 10) {
  const clock = new VirtualClock();
  const applied = new AppliedWaiters(appliedIndex);
  const questions: Question[] = [];
  const listeners = new Set<(status: RaftStatus) => void>();
  const raft = {
    readIndex: () =>
      new Promise<number>((answer, refuse) => void questions.push({ answer, refuse })),
    onLeaderChange: (listener: (status: RaftStatus) => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  const reads = new LinearizableReads({
    raft,
    applied,
    clock,
    timeoutMs: 7_000,
    afterCurrent: queueMicrotask,
  });
  const leaderChanges = (leaderId: bigint): void => {
    for (const listener of listeners) {
      listener({
        nodeId: 1n,
        role: "follower",
        term: 2,
        leaderId,
        commitIndex: 0,
        appliedIndex: 0,
        lastIndex: 0,
      });
    }
  };
  return { clock, applied, questions, reads, leaderChanges };
}

/** Lets promises that are due settle. */
const settle = (): Promise<void> => new Promise((done) => setImmediate(done));

/** The text with which `promise` is refused; watched from now on, to be awaited later. */
function refusal(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "not refused",
    (error: unknown) => errorText(error),
  );
}

describe("LinearizableReads", () => {
  it("wait() asks once for all reads of a turn", async () => {
    const { reads, questions } = setup();
    const all = Promise.all([reads.wait(), reads.wait(), reads.wait()]);
    await settle();
    expect(questions).toHaveLength(1);
    questions[0]?.answer(10);
    await all;
  });

  it("wait() does not join a round that has begun", async () => {
    const { reads, questions } = setup();
    const first = reads.wait();
    await settle();
    let secondDone = false;
    const second = reads.wait().then(() => (secondDone = true));
    questions[0]?.answer(10);
    await first;
    await settle();
    expect(secondDone).toBe(false);
    expect(questions).toHaveLength(2);
    questions[1]?.answer(10);
    await second;
  });

  it("wait() waits until the index of its round is applied", async () => {
    const { reads, questions, applied } = setup(10);
    let done = false;
    const read = reads.wait().then(() => (done = true));
    await settle();
    questions[0]?.answer(12);
    await settle();
    applied.advanceTo(11);
    await settle();
    expect(done).toBe(false);
    applied.advanceTo(12);
    await read;
  });

  it("wait() asks again after 500 ms, and takes a late answer to the first question", async () => {
    const { reads, questions, clock } = setup();
    const read = reads.wait();
    await settle();
    clock.advance(500);
    expect(questions).toHaveLength(2);
    questions[0]?.answer(10);
    await read;
  });

  it("wait() asks again at once when a leader appears", async () => {
    const { reads, questions, leaderChanges } = setup();
    const read = reads.wait();
    await settle();
    questions[0]?.refuse(new Error("no leader"));
    await settle();
    leaderChanges(3n);
    expect(questions).toHaveLength(2);
    questions[1]?.answer(10);
    await read;
  });

  it("wait() fails with etcd's text when no answer comes in time", async () => {
    const { reads, clock } = setup();
    const read = refusal(reads.wait());
    await settle();
    for (let i = 0; i < 14; i++) clock.advance(500);
    expect(await read).toBe("etcdserver: request timed out");
  });

  it("close() fails the round under way and later reads", async () => {
    const { reads } = setup();
    const read = refusal(reads.wait());
    await settle();
    reads.close();
    expect(await read).toBe("etcdserver: server stopped");
    await expect(reads.wait()).rejects.toThrow("etcdserver: server stopped");
  });
});
