/**
 * The rules of the Raft paper (Ongaro and Ousterhout 2014), one scenario each, on the pure core: the
 * messages that a member gets, and what it wants sent, written and applied. Figure 2's rules stand
 * under the section that explains them; those of the thesis are marked.
 */
import { seededRandom } from "@sagong/base";
import { describe, expect, it } from "vitest";
import { RAFT_DEFAULTS } from "../src/core/config.js";
import { describeEntry } from "../src/core/describe.js";
import { ProposalRefusedError } from "../src/core/errors.js";
import type { Message } from "../src/core/message.js";
import type { LogIndex, Term } from "../src/core/types.js";
import {
  accepted,
  append,
  askVote,
  entry,
  heartbeat,
  heartbeatResponse,
  ME,
  Member,
  propose,
  rejected,
  vote,
} from "./paper-member.js";

describe("Raft §5.1: terms", () => {
  it("a member that hears of a higher term becomes its follower, whatever it was", () => {
    const leader = new Member().lead();
    expect(leader.state).toBe("leader t1 leader=1 commit=0");
    leader.hear(askVote({ term: 5, lastIndex: 9, lastTerm: 4, transfer: true }));
    expect(leader.state).toBe("follower t5 leader=none commit=0");
    const candidate = new Member().tick(20);
    expect(candidate.state).toContain("pre-candidate");
    candidate.hear(heartbeat(3n, 7));
    expect(candidate.state).toBe("follower t7 leader=3 commit=0");
  });

  it("the term is on disk before anything that depends on it is sent", () => {
    const member = new Member().hear(append({ term: 4 }));
    expect(member.turn()).toEqual({
      before: [],
      written: [],
      after: ["1→2 append-response t4 match=0"],
    });
    expect(member.onDisk.term).toBe(4);
  });

  it("a message of an older term changes nothing, and its leader is told", () => {
    const member = new Member({ terms: [2, 2], term: 3 });
    member.hear(append({ term: 2, prevIndex: 0, entries: [entry(1, 1)], commit: 1 }));
    expect([member.state, member.log]).toEqual(["follower t3 leader=none commit=0", "1@2 2@2"]);
    expect(member.settle()).toEqual(["1→2 append-response t3 match=0"]);
    member.hear(askVote({ term: 2, lastIndex: 9, lastTerm: 9 }));
    expect(member.settle()).toEqual([]);
  });
});

describe("Raft §5.2: leader election", () => {
  it("a member begins as follower, and asks for votes once it hears nothing", () => {
    const member = new Member();
    expect(member.state).toBe("follower t0 leader=none commit=0");
    member.tick(RAFT_DEFAULTS.electionTicks);
    expect(member.settle()).toEqual(["1→2 pre-vote t1 last=0@0", "1→3 pre-vote t1 last=0@0"]);
    expect(member.state).toBe("pre-candidate t0 leader=none commit=0");
  });

  it("a candidate takes the next term, votes for itself, writes both, and only then asks", () => {
    const member = new Member({ term: 3 });
    member.node.raft.campaign();
    member.settle();
    member.hear(vote({ kind: "pre-vote-response", term: 4 }));
    expect(member.turn()).toEqual({
      before: [],
      written: [],
      after: ["1→2 vote t4 last=0@0", "1→3 vote t4 last=0@0"],
    });
    expect(member.onDisk).toMatchObject({ term: 4, vote: ME });
  });

  it("who has a majority leads, and says so at once", () => {
    const member = new Member({ terms: [1] }).lead();
    expect(member.state).toBe("leader t2 leader=1 commit=0");
    expect(member.turn().before).toEqual([
      "1→2 append t2 prev=1@1 commit=0 [2@2]",
      "1→3 append t2 prev=1@1 commit=0 [2@2]",
    ]);
  });

  it("needs more than half: in a group of five two more votes", () => {
    const member = new Member({}, { voters: [1n, 2n, 3n, 4n, 5n] });
    member.node.raft.campaign();
    for (const kind of ["pre-vote-response", "vote-response"] as const) {
      member.hear(vote({ kind, from: 2n, term: 1 }), vote({ kind, from: 2n, term: 1 }));
      expect(member.state).toContain("candidate");
      member.settle();
      member.hear(vote({ kind, from: 4n, term: 1 }));
    }
    expect(member.state).toBe("leader t1 leader=1 commit=0");
  });

  it("gives one vote a term, to who asks first, again if that one asks again", () => {
    const member = new Member();
    member.hear(askVote({ from: 2n, term: 3 }), askVote({ from: 3n, term: 3 }));
    member.hear(askVote({ from: 2n, term: 3 }));
    expect(member.turn()).toEqual({
      before: [],
      written: [],
      after: [
        "1→2 vote-response t3 granted",
        "1→3 vote-response t3 refused",
        "1→2 vote-response t3 granted",
      ],
    });
  });

  it("a vote that was sent is not given again after a crash", () => {
    const member = new Member();
    member.hear(askVote({ from: 2n, term: 3 }));
    member.settle();
    member.crash();
    member.hear(askVote({ from: 3n, term: 3 }));
    expect(member.settle()).toEqual(["1→3 vote-response t3 refused"]);
  });

  it("a vote that is not on disk was never sent, and is forgotten by a crash", () => {
    const member = new Member();
    member.hear(askVote({ from: 2n, term: 3 }));
    expect(member.node.takeMessages()).toEqual([]);
    member.crash();
    member.hear(askVote({ from: 3n, term: 3 }));
    expect(member.settle()).toEqual(["1→3 vote-response t3 granted"]);
  });

  it("a candidate follows a leader of its term", () => {
    const member = new Member();
    member.node.raft.campaign();
    member.hear(vote({ kind: "pre-vote-response", term: 1 }));
    expect(member.state).toBe("candidate t1 leader=none commit=0");
    member.hear(append({ term: 1, from: 3n }));
    expect(member.state).toBe("follower t1 leader=3 commit=0");
  });

  it("a candidate that a majority refuses goes back; one without answers tries again", () => {
    const refused = new Member();
    refused.node.raft.campaign();
    refused.hear(vote({ kind: "pre-vote-response", from: 2n, term: 1 }));
    refused.hear(vote({ kind: "vote-response", from: 2n, term: 1, granted: false }));
    refused.hear(vote({ kind: "vote-response", from: 3n, term: 1, granted: false }));
    expect(refused.state).toBe("follower t1 leader=none commit=0");
    const alone = new Member();
    alone.node.raft.campaign();
    alone.hear(vote({ kind: "pre-vote-response", term: 1 }));
    alone.settle();
    alone.tick(20);
    expect(alone.settle()).toContain("1→2 pre-vote t2 last=0@0");
  });

  it("waits differ, so that votes are rarely split", () => {
    const waits = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => {
      const member = new Member({}, { random: seededRandom(seed) });
      member.hear(heartbeat(2n, 1));
      member.settle();
      let ticks = 0;
      for (; !member.state.startsWith("pre-candidate"); ticks++) member.tick(1);
      return ticks;
    });
    for (const wait of waits) expect(wait).toBeGreaterThanOrEqual(RAFT_DEFAULTS.electionTicks);
    for (const wait of waits) expect(wait).toBeLessThan(2 * RAFT_DEFAULTS.electionTicks);
    expect(new Set(waits).size).toBeGreaterThan(2);
  });

  it("thesis §9.6: asking for pre-votes changes no term and no vote, on either side", () => {
    const member = new Member({ term: 3 });
    member.hear(askVote({ kind: "pre-vote", term: 9, from: 2n }));
    member.hear(askVote({ kind: "pre-vote", term: 9, from: 3n }));
    expect(member.settle()).toEqual([
      "1→2 pre-vote-response t9 granted",
      "1→3 pre-vote-response t9 granted",
    ]);
    expect(member.state).toBe("follower t3 leader=none commit=0");
    expect(member.onDisk).toMatchObject({ term: 3, vote: undefined });
  });
});

describe("Raft §5.3: log replication", () => {
  it("a leader appends a proposal and sends it with what stands before it", () => {
    const leader = new Member({ terms: [1] }).lead();
    leader.settle();
    leader.hear(accepted(2n, 2, 2), accepted(3n, 2, 2));
    leader.settle();
    propose(leader, "x");
    const { before, written } = leader.turn();
    expect(before).toEqual([
      "1→2 append t2 prev=2@2 commit=2 [3@2]",
      "1→3 append t2 prev=2@2 commit=2 [3@2]",
    ]);
    expect(written).toEqual(["3@2"]);
  });

  it("a follower acknowledges entries only when they are on its disk", () => {
    const member = new Member().hear(append({ entries: [entry(1, 1), entry(2, 1)] }));
    expect(member.node.takeMessages()).toEqual([]);
    expect(member.turn()).toEqual({
      before: [],
      written: ["1@1", "2@1"],
      after: ["1→2 append-response t1 match=2"],
    });
  });

  it("a follower without the entry before refuses, and says where logs may agree", () => {
    const member = new Member({ terms: [1, 1, 2] });
    member.hear(append({ term: 4, prevIndex: 8, prevTerm: 4, entries: [entry(9, 4)] }));
    member.hear(append({ term: 4, prevIndex: 3, prevTerm: 3, entries: [entry(4, 4)] }));
    member.hear(append({ term: 4, prevIndex: 3, prevTerm: 1, entries: [entry(4, 4)] }));
    expect(member.settle()).toEqual([
      "1→2 append-response t4 rejected=8 hint=3@2",
      "1→2 append-response t4 rejected=3 hint=3@2",
      "1→2 append-response t4 rejected=3 hint=2@1",
    ]);
    expect(member.log).toBe("1@1 2@1 3@2");
  });

  it("an entry that conflicts goes, with all behind it, and the new ones are written", () => {
    const member = new Member({ terms: [1, 2, 2, 2] });
    member.hear(append({ term: 3, prevIndex: 1, prevTerm: 1, entries: [entry(2, 3)] }));
    expect(member.log).toBe("1@1 2@3");
    expect(member.turn()).toMatchObject({
      written: ["2@3"],
      after: ["1→2 append-response t3 match=2"],
    });
    member.crash();
    expect(member.log).toBe("1@1 2@3");
  });

  it("an append that came late, or twice, takes nothing away (§5.5)", () => {
    const member = new Member();
    const first = append({ entries: [entry(1, 1)] });
    member.hear(first, append({ entries: [entry(1, 1), entry(2, 1), entry(3, 1)] }), first, first);
    expect(member.log).toBe("1@1 2@1 3@1");
    expect(member.turn().after.at(-1)).toBe("1→2 append-response t1 match=1");
  });

  it("commits up to the leader's commit, but no further than what it is known to share", () => {
    const member = new Member({ terms: [1, 1, 1, 1] });
    member.hear(append({ term: 2, prevIndex: 2, prevTerm: 1, commit: 4 }));
    expect(member.state).toContain("commit=2");
    member.hear(append({ term: 2, prevIndex: 2, prevTerm: 1, entries: [entry(3, 2)], commit: 9 }));
    expect(member.state).toContain("commit=3");
  });

  it("applies what is committed, in order and once, when it is on its own disk", () => {
    const member = new Member();
    member.hear(append({ entries: [entry(1, 1), entry(2, 1)], commit: 2 }));
    member.turn();
    expect(member.applied).toEqual([]);
    member.settle();
    expect(member.applied).toEqual(["1@1", "2@1"]);
    member.hear(append({ prevIndex: 2, prevTerm: 1, entries: [entry(3, 1)], commit: 3 }));
    member.settle();
    expect(member.applied).toEqual(["1@1", "2@1", "3@1"]);
  });

  it("a leader goes back over a whole term at once, until the logs agree", () => {
    const leader = new Member({ terms: [1, 1, 4, 4, 5] }).lead();
    leader.settle();
    leader.hear(rejected(2n, 6, { index: 5, hint: [4, 3] }));
    expect(leader.settle()).toEqual(["1→2 append t6 prev=2@1 commit=0 [3@4 4@4 5@5 6@6]"]);
    leader.hear(accepted(2n, 6, 6));
    expect(leader.state).toContain("commit=6");
  });

  it("a leader commits what a majority has on disk, itself included", () => {
    const leader = new Member().lead();
    leader.hear(accepted(2n, 1, 1));
    expect(leader.state).toContain("commit=0"); // Its own disk has not written it yet.
    leader.settle();
    expect(leader.state).toContain("commit=1");
    const five = new Member({}, { voters: [1n, 2n, 3n, 4n, 5n] });
    five.node.raft.campaign();
    for (const kind of ["pre-vote-response", "vote-response"] as const) {
      for (const from of [2n, 3n]) five.hear(vote({ kind, from, term: 1 }));
      five.settle();
    }
    five.hear(accepted(2n, 1, 1));
    expect(five.state).toContain("commit=0");
    five.hear(accepted(3n, 1, 1));
    expect(five.state).toContain("commit=1");
  });

  it("an append that was lost is sent again when its follower answers a heartbeat (§5.5)", () => {
    const leader = new Member().lead();
    leader.settle();
    leader.hear(heartbeatResponse(2n, 1));
    expect(leader.settle()).toEqual(["1→2 append t1 prev=0@0 commit=0 [1@1]"]);
  });

  it("a leader takes no entry of another leader of its term, and drops none of its own", () => {
    const leader = new Member({ terms: [1] }).lead();
    expect(() => leader.hear(append({ term: 2, from: 3n }))).toThrow("two leaders in term 2");
    expect(leader.log).toBe("1@1 2@2");
  });

  it("thesis §10.2.1: a leader that could not write counts itself nowhere", () => {
    const leader = new Member().lead();
    leader.settle();
    leader.hear(accepted(2n, 1, 1), accepted(3n, 1, 1));
    leader.settle();
    propose(leader, "x");
    const ready = leader.node.ready();
    leader.hear(accepted(2n, 1, 2));
    expect(leader.state).toContain("commit=1");
    leader.node.advance();
    expect(ready.entries.map(describeEntry)).toEqual(["2@1"]);
    expect(leader.state).toContain("commit=2");
  });
});

describe("Raft §5.4.1: election restriction", () => {
  const cases: [string, LogIndex, Term, "granted" | "refused"][] = [
    ["a later last term, though shorter", 1, 3, "granted"],
    ["the same last term and as long", 3, 2, "granted"],
    ["the same last term and longer", 4, 2, "granted"],
    ["the same last term and shorter", 2, 2, "refused"],
    ["an earlier last term, though longer", 9, 1, "refused"],
  ];
  it.each(cases)("a candidate with %s", (_title, lastIndex, lastTerm, expected) => {
    for (const kind of ["vote", "pre-vote"] as const) {
      const member = new Member({ terms: [1, 2, 2] });
      member.hear(askVote({ kind, term: 5, lastIndex, lastTerm }));
      expect(member.settle()[0]).toContain(expected);
    }
  });
});

describe("Raft §5.4.2: committing entries from previous terms", () => {
  it("figure 8: an entry of an earlier term is not committed by counting", () => {
    const leader = new Member({ terms: [1, 2] }, { voters: [1n, 2n, 3n] }).lead();
    leader.settle();
    leader.hear(rejected(2n, 3, { index: 2, hint: [1, 1] }), accepted(2n, 3, 2));
    expect(leader.state).toContain("commit=0");
    leader.hear(accepted(2n, 3, 3));
    expect(leader.state).toContain("commit=3");
    leader.settle();
    expect(leader.applied).toEqual(["1@1", "2@2", "3@3"]);
  });

  it("a committed entry is never replaced", () => {
    const member = new Member({ terms: [1, 1], commit: 2 });
    expect(() =>
      member.hear(append({ term: 3, prevIndex: 1, prevTerm: 1, entries: [entry(2, 3)] })),
    ).not.toThrow();
    expect(member.log).toBe("1@1 2@1");
    expect(member.settle()).toEqual(["1→2 append-response t3 match=2"]);
  });
});

describe("Raft §5.6 and §6: timing, and members that disturb", () => {
  it("heartbeats keep followers from asking for votes", () => {
    const member = new Member();
    for (let i = 0; i < 100; i++)
      member.hear(heartbeat(2n, 1)).tick(RAFT_DEFAULTS.electionTicks - 1);
    expect(member.state).toBe("follower t1 leader=2 commit=0");
  });

  it("§6: who hears its leader takes no part in deposing it", () => {
    const member = new Member().hear(heartbeat(2n, 1));
    member.settle();
    for (const kind of ["vote", "pre-vote"] as const) {
      member.hear(askVote({ kind, from: 3n, term: 9, lastIndex: 9, lastTerm: 9 }));
    }
    expect(member.settle()).toEqual([]);
    expect(member.state).toBe("follower t1 leader=2 commit=0");
  });

  it("a leader that seems to be gone is deposed by those who believe so, and heard again by one word", () => {
    const member = new Member().hear(heartbeat(2n, 1));
    member.node.raft.reportUnreachable(2n);
    member.hear(askVote({ kind: "pre-vote", from: 3n, term: 2 }));
    expect(member.settle()).toContain("1→3 pre-vote-response t2 granted");
    member.hear(heartbeat(2n, 1), askVote({ kind: "pre-vote", from: 3n, term: 2 }));
    expect(member.settle()).toEqual(["1→2 heartbeat-response t1 round=0"]);
  });

  it("thesis §6.2: a leader that no majority answers steps down", () => {
    const leader = new Member().lead();
    leader.settle();
    leader.tick(RAFT_DEFAULTS.electionTicks).hear(heartbeatResponse(2n, 1));
    leader.tick(RAFT_DEFAULTS.electionTicks);
    expect(leader.state).toContain("leader");
    leader.tick(RAFT_DEFAULTS.electionTicks);
    expect(leader.state).toBe("follower t1 leader=none commit=0");
  });

  it("thesis §3.10: a leader hands over to who has all, takes no proposal meanwhile, and gives up in time", () => {
    const leader = new Member().lead();
    leader.settle();
    leader.hear(accepted(2n, 1, 1));
    leader.settle();
    leader.node.raft.transferLeadership(3n);
    expect(() => propose(leader, "x")).toThrow(ProposalRefusedError);
    expect(leader.settle()).not.toContain("1→3 timeout-now t1");
    leader.hear(accepted(3n, 1, 1));
    expect(leader.settle()).toContain("1→3 timeout-now t1");
    leader.tick(RAFT_DEFAULTS.electionTicks);
    propose(leader, "x");
    expect(leader.log).toBe("1@1 2@1");
  });

  it("thesis §3.10: who is told to take over asks for votes at once, and is heard over the lease", () => {
    const heir = new Member().hear(heartbeat(2n, 1));
    heir.hear({ kind: "timeout-now", from: 2n, to: ME, term: 1 });
    expect(heir.settle()).toContain("1→3 vote t2 last=0@0 transfer");
    const other = new Member().hear(heartbeat(2n, 1));
    other.settle();
    other.hear(askVote({ from: 3n, term: 2, transfer: true }));
    expect(other.settle()).toEqual(["1→3 vote-response t2 granted"]);
  });

  it("a forwarded proposal that cannot be taken is lost, and stops nobody", () => {
    const leader = new Member({}, { maxUncommittedBytes: 10 }).lead();
    leader.settle();
    const data = [new Uint8Array(8)];
    const forwarded: Message = { kind: "propose", from: 2n, to: ME, term: 1, data };
    leader.hear(forwarded, forwarded);
    expect(leader.log).toBe("1@1 2@1");
    expect(leader.state).toContain("leader");
  });
});

describe("Raft §7: compaction and images", () => {
  it("a follower that needs what is compacted is sent an image, and goes on behind it", () => {
    const leader = new Member({ compacted: { index: 5, term: 1 }, terms: [1, 1] }).lead();
    leader.settle();
    leader.hear(rejected(2n, 2, { index: 7, hint: [3, 1] }));
    expect(leader.settle()).toEqual(["1→2 snapshot t2 at=5@1"]);
    leader.hear(heartbeatResponse(2n, 2));
    expect(leader.settle()).toEqual([]); // Nothing more until the image is there.
    leader.hear(accepted(2n, 2, 5));
    expect(leader.settle()).toEqual(["1→2 append t2 prev=5@1 commit=5 [6@1 7@1 8@2]"]);
  });

  it("an image replaces a log that has not its last entry", () => {
    const member = new Member({ terms: [1, 2, 2] });
    const image = { index: 3, term: 4, confState: { voters: [1n, 2n, 3n] } };
    expect(member.node.needsImage(image)).toBe(true);
    member.node.restored(image, 2n);
    expect([member.log, member.state]).toEqual(["", "follower t2 leader=none commit=3"]);
    expect(member.settle()).toEqual(["1→2 append-response t2 match=3"]);
  });

  it("entries behind the image's last one stay where the log has that one", () => {
    const member = new Member({ terms: [1, 2, 2, 2] });
    const image = { index: 3, term: 2, confState: { voters: [1n, 2n, 3n] } };
    expect(member.node.needsImage(image)).toBe(false);
    member.node.restored(image, 2n);
    expect(member.log).toBe("1@1 2@2 3@2 4@2");
    expect(member.settle()).toEqual(["1→2 append-response t2 match=3"]);
    expect(member.applied).toEqual(["1@1", "2@2", "3@2"]);
  });

  it("an image older than what is committed changes nothing", () => {
    const member = new Member({ terms: [1, 1, 1], commit: 3 });
    member.node.restored({ index: 2, term: 1, confState: { voters: [1n, 2n, 3n] } }, 2n);
    expect(member.state).toContain("commit=3");
    expect(member.settle()).toEqual(["1→2 append-response t1 match=3"]);
  });
});

describe("Raft §8: clients", () => {
  it("a new leader begins its term with an entry of its own, to learn what is committed", () => {
    const leader = new Member({ terms: [1, 1] }).lead();
    const [own] = leader.node.raft.log.range(2, 3);
    expect(own).toMatchObject({ index: 3, term: 2 });
    expect(own?.data).toHaveLength(0);
  });

  it("answers no read before an entry of its term is committed", () => {
    const leader = new Member({ terms: [1, 1], commit: 1 }).lead();
    leader.settle();
    leader.node.readIndex(7);
    leader.hear(heartbeatResponse(2n, 2, 1), heartbeatResponse(3n, 2, 1));
    leader.settle();
    expect(leader.reads).toEqual([]);
    leader.hear(accepted(2n, 2, 3));
    leader.settle();
    leader.hear(heartbeatResponse(2n, 2, 1));
    leader.settle();
    expect(leader.reads).toEqual(["7→3"]);
  });

  it("answers a read when a majority has answered a heartbeat that was sent after it", () => {
    const leader = new Member().lead();
    leader.settle();
    leader.hear(accepted(2n, 1, 1));
    leader.settle();
    leader.node.readIndex(7);
    expect(leader.settle()).toContain("1→2 heartbeat t1 commit=1 round=1");
    leader.node.readIndex(8);
    expect(leader.settle()).toContain("1→3 heartbeat t1 commit=0 round=2");
    leader.hear(heartbeatResponse(3n, 1, 0)); // To a heartbeat from before both.
    leader.settle();
    expect(leader.reads).toEqual([]);
    leader.hear(heartbeatResponse(3n, 1, 1));
    leader.settle();
    expect(leader.reads).toEqual(["7→1"]);
    leader.hear(heartbeatResponse(2n, 1, 2));
    leader.settle();
    expect(leader.reads).toEqual(["7→1", "8→1"]);
  });

  it("a leader that is deposed answers no read that waits", () => {
    const leader = new Member().lead();
    leader.settle();
    leader.hear(accepted(2n, 1, 1));
    leader.node.readIndex(7);
    leader.settle();
    leader.hear(heartbeat(3n, 2));
    leader.settle();
    leader.hear(heartbeatResponse(2n, 1, 1));
    leader.settle();
    expect(leader.reads).toEqual(["7→none"]);
  });

  it("thesis §6.4: a follower asks its leader, and reads at the index that comes back", () => {
    const member = new Member().hear(heartbeat(2n, 1));
    member.node.readIndex(7);
    expect(member.settle()).toContain("1→2 read-index t1 context=7");
    member.hear({ kind: "read-index-response", from: 2n, to: ME, term: 1, context: 7, index: 4 });
    member.settle();
    expect(member.reads).toEqual(["7→4"]);
  });

  it("proposals go to the leader, and nowhere while there is none", () => {
    const member = new Member();
    expect(() => propose(member, "x")).toThrow("there is no leader to propose to");
    member.hear(heartbeat(2n, 1));
    propose(member, "x");
    expect(member.settle()).toContain("1→2 propose t1 1 entries");
  });
});
