import { seededRandom } from "@sagong/base";
import { describe, expect, it } from "vitest";
import { RAFT_DEFAULTS } from "./config.js";
import { describeMessage } from "./describe.js";
import { Progress } from "./progress.js";
import { RawNode } from "./raw-node.js";
import { chooseSpared } from "./sparing.js";
import type { NodeId } from "./types.js";

const LIMITS = { messages: 512, bytes: 8_388_608 };

function follower({ match, isIdle = true }: { match: number; isIdle?: boolean }): Progress {
  const progress = new Progress(match + 1, LIMITS);
  progress.match = match;
  progress.becomeReplicate();
  progress.isIdle = isIdle;
  return progress;
}

function sparedOf(followers: readonly Progress[], isBusy = true): number[] {
  const progress = new Map(followers.map((one, i): [NodeId, Progress] => [BigInt(i + 2), one]));
  chooseSpared(progress, isBusy);
  return [...progress].flatMap(([id, { isSpared }]) => (isSpared ? [Number(id)] : []));
}

describe("chooseSpared", () => {
  it("spares what no majority needs, the least advanced first", () => {
    expect(sparedOf([follower({ match: 7 }), follower({ match: 9 })])).toEqual([2]);
    expect(sparedOf([follower({ match: 9 }), follower({ match: 7 })])).toEqual([3]);
    expect(sparedOf([5, 9, 6, 8].map((match) => follower({ match })))).toEqual([2, 4]);
  });

  it("spares nobody where all are needed", () => {
    expect(sparedOf([follower({ match: 9 })])).toEqual([]); // Two voters.
    const lost = follower({ match: 9 });
    lost.becomeProbe();
    expect(sparedOf([lost, follower({ match: 7 })])).toEqual([]);
  });

  it("spares nobody that clients use", () => {
    const used = follower({ match: 7, isIdle: false });
    used.isSpared = true;
    expect(sparedOf([used, follower({ match: 9 })])).toEqual([3]);
    expect(sparedOf([used, follower({ match: 9, isIdle: false })])).toEqual([]);
  });

  it("spares nobody where the leader is not busy", () => {
    const before = follower({ match: 7 });
    before.isSpared = true;
    expect(sparedOf([before, follower({ match: 9 })], false)).toEqual([]);
  });

  it("stays with whom it was among equals", () => {
    const followers = [follower({ match: 9 }), follower({ match: 9 })];
    expect(sparedOf(followers)).toEqual([2]);
    for (const [i, one] of followers.entries()) one.isSpared = i === 1;
    expect(sparedOf(followers)).toEqual([3]);
  });

  it("chooses another where the one that takes all falls behind the one that is spared", () => {
    const [spared, taking] = [follower({ match: 7 }), follower({ match: 9 })];
    expect(sparedOf([spared, taking])).toEqual([2]);
    spared.match = 12; // It was sent what had waited; the other one says nothing any more.
    expect(sparedOf([spared, taking])).toEqual([3]);
  });
});

/** A leader of three whose followers answer by hand. */
function leader({ heldEntriesMax = 64 }: { heldEntriesMax?: number } = {}) {
  const node = new RawNode(
    {
      ...RAFT_DEFAULTS,
      nodeId: 1n,
      voters: [1n, 2n, 3n],
      random: seededRandom(1),
      sparing: { ...RAFT_DEFAULTS.sparing, appendsATick: 2, heldEntriesMax },
    },
    {
      hardState: { term: 0, vote: undefined, commit: 0 },
      snapshot: { index: 0, term: 0, confState: { voters: [1n, 2n, 3n] } },
      entries: [],
      applied: 0,
    },
  );
  node.raft.campaign();
  const say = (from: bigint, rest: object): void =>
    // The tests' own words, each whole.
    node.step({ from, to: 1n, term: node.raft.term, ...rest } as Parameters<typeof node.step>[0]);
  const accept = (from: bigint, index: number): void =>
    say(from, { kind: "append-response", index, rejected: false, hintIndex: 0, hintTerm: 0 });
  const idle = (from: bigint, isIdle = true): void =>
    say(from, { kind: "heartbeat-response", round: 0, idle: isIdle });
  /** What goes out, without heartbeats; all of it is on disk then. */
  const sent = (): string[] => {
    const texts: string[] = [];
    while (node.hasReady) {
      const { messages, afterPersist } = node.ready();
      node.advance();
      for (const message of [...messages, ...afterPersist]) {
        if (message.kind !== "heartbeat") texts.push(describeMessage(message));
      }
    }
    return texts;
  };
  const propose = (): void => node.propose([new Uint8Array(1)]);
  sent();
  node.step({ from: 2n, to: 1n, term: 1, kind: "pre-vote-response", granted: true });
  sent();
  node.step({ from: 2n, to: 1n, term: 1, kind: "vote-response", granted: true });
  sent();
  accept(2n, 1);
  accept(3n, 1);
  for (const id of [2n, 3n]) idle(id);
  sent();
  /** Both followers have all; then a busy tick spares one. */
  const spare = (): void => {
    propose();
    propose();
    sent();
    accept(3n, 3);
    accept(2n, 2);
    accept(2n, 3);
    node.tick();
    sent();
  };
  return { node, accept, idle, sent, propose, spare };
}

describe("a leader that spares a follower", () => {
  it("sends it nothing until its owner says so, then all at once, and commits without it", () => {
    const { node, accept, sent, propose, spare } = leader();
    spare();
    propose();
    expect(sent()).toEqual(["1→3 append t1 prev=3@1 commit=3 [4@1]"]);
    accept(3n, 4);
    expect(node.status.committed).toBe(4);
    propose();
    expect(sent()).toEqual(["1→3 append t1 prev=4@1 commit=4 [5@1]"]);
    expect(node.raft.hasHeldEntries).toBe(true);
    node.raft.releaseHeldEntries();
    expect(sent()).toEqual(["1→2 append t1 prev=3@1 commit=4 [4@1 5@1]"]);
    expect(node.raft.hasHeldEntries).toBe(false);
    propose();
    expect(sent()).toEqual(["1→3 append t1 prev=5@1 commit=4 [6@1]"]);
  });

  it("sends it what waits where it is too much", () => {
    const { sent, propose, spare } = leader({ heldEntriesMax: 2 });
    spare();
    propose();
    sent();
    propose();
    expect(sent()).toEqual([
      "1→2 append t1 prev=3@1 commit=3 [4@1 5@1]",
      "1→3 append t1 prev=4@1 commit=3 [5@1]",
    ]);
  });

  it.each([
    ["reads", { kind: "read-index", context: 1 }],
    ["writes", { kind: "propose", data: [Uint8Array.of(0)] }],
    ["says that they are there", { kind: "heartbeat-response", round: 0, idle: false }],
  ])("sends it all at once when a client of it %s", (_what, words) => {
    const { node, sent, propose, spare } = leader();
    spare();
    propose();
    sent();
    const message = { from: 2n, to: 1n, term: 1, ...words };
    node.step(message as Parameters<typeof node.step>[0]); // Whole, each by its kind.
    expect(sent()).toContain("1→2 append t1 prev=3@1 commit=3 [4@1]");
    propose();
    expect(sent().filter((text) => text.startsWith("1→2 append"))).toHaveLength(1);
  });

  it("does not take an answer to a heartbeat for a reason to send what waits", () => {
    const { idle, sent, propose, spare } = leader();
    spare();
    propose();
    sent();
    idle(2n);
    expect(sent()).toEqual([]);
  });

  it("spares nobody any more after a tick with few appends", () => {
    const { node, sent, propose, spare } = leader();
    spare();
    propose();
    sent();
    node.tick();
    expect(sent()).toEqual(["1→2 append t1 prev=3@1 commit=3 [4@1]"]);
  });

  it("sends to it at once what it hands leadership over to", () => {
    const { node, accept, sent, propose, spare } = leader();
    spare();
    propose();
    sent();
    accept(3n, 4);
    node.raft.transferLeadership(2n);
    expect(sent()).toContain("1→2 append t1 prev=3@1 commit=4 [4@1]");
    accept(2n, 4);
    expect(sent()).toEqual(["1→2 timeout-now t1"]);
  });

  it("needs it at once where another one cannot be reached", () => {
    const { node, accept, sent, propose, spare } = leader();
    spare();
    propose();
    sent();
    node.raft.reportUnreachable(3n);
    propose();
    node.tick();
    expect(sent()).toContain("1→2 append t1 prev=3@1 commit=3 [4@1 5@1]");
    accept(2n, 5);
    expect(node.status.committed).toBe(5);
  });
});
