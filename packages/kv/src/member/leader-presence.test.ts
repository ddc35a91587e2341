import { VirtualClock } from "@sagong/base";
import type { RaftStatus } from "@sagong/raft";
import { describe, expect, it } from "vitest";
import { LeaderPresenceMonitor } from "./leader-presence.js";

function setup() {
  const clock = new VirtualClock();
  let leaderId: bigint | undefined = 1n;
  let listener: (status: RaftStatus) => void = () => {};
  const status = (): RaftStatus => ({
    nodeId: 1n,
    role: "follower",
    term: 1,
    leaderId,
    commitIndex: 0,
    appliedIndex: 0,
    lastIndex: 0,
  });
  const raft = {
    status,
    onLeaderChange: (added: (status: RaftStatus) => void) => {
      listener = added;
      return () => {};
    },
  };
  const seen: string[] = [];
  const presence = new LeaderPresenceMonitor({
    raft,
    clock,
    electionTimeoutMs: 1_000,
    onNewLeader: () => seen.push("new"),
  });
  presence.onLeaderMissing(() => seen.push("missing"));
  const change = (to: bigint | undefined): void => {
    leaderId = to;
    listener(status());
  };
  return { clock, presence, seen, change };
}

describe("LeaderPresenceMonitor", () => {
  it("reports a missing leader after three election timeouts", () => {
    const { clock, presence, seen, change } = setup();
    change(undefined);
    expect(presence.hasLeader()).toBe(false);
    clock.advance(2_999);
    expect(seen).toEqual([]);
    clock.advance(1);
    expect(seen).toEqual(["missing"]);
  });

  it("does not report when a leader is found in time", () => {
    const { clock, presence, seen, change } = setup();
    change(undefined);
    clock.advance(2_000);
    change(2n);
    clock.advance(5_000);
    expect(presence.hasLeader()).toBe(true);
    expect(seen).toEqual(["new"]);
  });
});
