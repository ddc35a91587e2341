import { seededRandom } from "@sagong/base";
import type { Entry, NodeId, RaftView } from "@sagong/raft";
import { MemoryLogStorage } from "@sagong/raft";
import { describe, expect, it } from "vitest";
import { RaftInvariants } from "./raft-invariants.js";

/** A member's raft state that a test changes as it likes. */
class FakeMember implements RaftView {
  readonly id: NodeId;
  role: RaftView["role"] = "follower";
  term = 0;
  vote: NodeId | undefined;
  readonly entries: Entry[] = [];
  snapshot = { index: 0, term: 0, confState: { voters: [] } };
  committed = 0;
  applied = 0;

  constructor(id: number) {
    this.id = BigInt(id);
  }

  get log(): RaftView["log"] {
    const { snapshot, committed, applied, entries } = this;
    return {
      snapshot,
      committed,
      applied,
      lastIndex: snapshot.index + entries.length,
      entryAt: (index) => entries[index - snapshot.index - 1],
    };
  }

  /** Entries of these terms, behind the last one. */
  append(...terms: readonly number[]): this {
    for (const term of terms) {
      const index = this.log.lastIndex + 1;
      this.entries.push({ index, term, kind: "normal", data: Uint8Array.of(index, term) });
    }
    return this;
  }

  lead(term: number): this {
    this.term = term;
    this.role = "leader";
    return this;
  }

  follow(term: number): this {
    this.term = term;
    this.role = "follower";
    return this;
  }

  commit(index: number): this {
    this.committed = index;
    return this;
  }

  compact(index: number): this {
    const term = this.log.entryAt(index)?.term ?? 0;
    this.entries.splice(0, index - this.snapshot.index);
    this.snapshot = { ...this.snapshot, index, term };
    return this;
  }
}

const NO_SNAPSHOT = { index: 0, term: 0, confState: { voters: [] } };

const three = (): readonly [FakeMember, FakeMember, FakeMember, RaftInvariants] => [
  new FakeMember(1),
  new FakeMember(2),
  new FakeMember(3),
  new RaftInvariants(),
];

describe("RaftInvariants", () => {
  it("observe() is content with an ordinary life: election, replication, conflict, compaction", () => {
    const [a, b, c, invariants] = three();
    const seen = (): unknown => invariants.observe([a, b, c]);
    expect(seen()).toBeUndefined();
    a.vote = a.id;
    a.lead(1).append(1, 1);
    expect(seen()).toBeUndefined();
    b.follow(1).append(1, 1);
    a.commit(2);
    expect(seen()).toBeUndefined();
    // An entry that reaches nobody, and a new leader whose entries replace it.
    a.append(1);
    expect(seen()).toBeUndefined();
    b.lead(2).append(2);
    c.follow(2).append(1, 1, 2);
    b.commit(3);
    c.commit(2);
    expect(seen()).toBeUndefined();
    a.follow(2).entries.pop();
    a.append(2).commit(3);
    expect(seen()).toBeUndefined();
    a.applied = 3;
    a.compact(2);
    expect(seen()).toBeUndefined();
    a.append(2);
    expect(seen()).toBeUndefined();
  });

  it("observe() sees two leaders of a term, also one after the other", () => {
    const [a, b, , invariants] = three();
    a.lead(3);
    expect(invariants.observe([a, b])).toBeUndefined();
    a.follow(3);
    b.lead(3);
    expect(invariants.observe([a, b])?.guarantee).toBe("raft-election-safety");
  });

  it("observe() sees a leader that drops or replaces its own entries", () => {
    for (const replacement of [[], [2]]) {
      const [a, , , invariants] = three();
      a.lead(2).append(1, 2);
      expect(invariants.observe([a])).toBeUndefined();
      a.entries.pop();
      a.append(...replacement);
      expect(invariants.observe([a])?.guarantee).toBe("raft-leader-append-only");
    }
  });

  it("observe() sees logs that agree at an entry and not before it", () => {
    const [a, b, , invariants] = three();
    a.append(1, 2);
    b.append(2, 2);
    expect(invariants.observe([a, b])?.guarantee).toBe("raft-log-matching");
  });

  it("observe() sees one entry with two contents", () => {
    const [a, b, , invariants] = three();
    a.append(1);
    b.entries.push({ index: 1, term: 1, kind: "normal", data: Uint8Array.of(9) });
    expect(invariants.observe([a, b])?.guarantee).toBe("raft-log-matching");
  });

  it("observe() sees a leader that lacks what was committed before its term", () => {
    const [a, b, , invariants] = three();
    a.lead(1).append(1, 1).commit(2);
    expect(invariants.observe([a, b])).toBeUndefined();
    b.append(1).lead(2);
    expect(invariants.observe([a, b])?.guarantee).toBe("raft-leader-completeness");
  });

  it("observe() sees a commit that a later leader does not have", () => {
    const [a, b, c, invariants] = three();
    b.lead(2).append(2);
    a.follow(1).append(1);
    expect(invariants.observe([a, b, c])).toBeUndefined();
    a.commit(1);
    expect(invariants.observe([a, b, c])?.guarantee).toBe("raft-leader-completeness");
  });

  it("observe() lets a leader of an old term lack what a later one commits", () => {
    const [a, b, c, invariants] = three();
    a.lead(1).append(1);
    b.lead(2).append(2).commit(1);
    expect(invariants.observe([b, a, c])).toBeUndefined();
  });

  it("observe() sees two members that commit different entries at one index", () => {
    const [a, b, , invariants] = three();
    a.follow(1).append(1).commit(1);
    expect(invariants.observe([a, b])).toBeUndefined();
    b.follow(2).append(2).commit(1);
    expect(invariants.observe([a, b])?.guarantee).toBe("raft-state-machine-safety");
  });

  it("observe() sees an image of a history that was never committed", () => {
    const [a, b, , invariants] = three();
    a.follow(1).append(1, 1).commit(2);
    expect(invariants.observe([a, b])).toBeUndefined();
    b.snapshot = { ...b.snapshot, index: 2, term: 2 };
    b.commit(2);
    expect(invariants.observe([a, b])?.guarantee).toBe("raft-state-machine-safety");
  });

  it("observe() sees a term that falls, and a second vote in a term", () => {
    const [a, b, , invariants] = three();
    a.follow(2);
    b.follow(2).vote = 1n;
    expect(invariants.observe([a, b])).toBeUndefined();
    a.follow(1);
    expect(invariants.observe([a])?.guarantee).toBe("raft-hard-state");
    b.vote = 3n;
    expect(invariants.observe([b])?.guarantee).toBe("raft-hard-state");
  });

  it("observe() sees commit and applied index out of order", () => {
    const changes: readonly ((member: FakeMember) => void)[] = [
      (member) => member.commit(1),
      (member) => member.commit(4),
      (member) => (member.applied = 3),
      (member) => (member.applied = 0),
    ];
    for (const change of changes) {
      const [a, , , invariants] = three();
      a.append(1, 1, 1).commit(2).applied = 1;
      expect(invariants.observe([a])).toBeUndefined();
      change(a);
      expect(invariants.observe([a])?.guarantee).toBe("raft-commit");
    }
  });

  it("watch() remembers what was durable, and a restart without it is seen", async () => {
    const forgotten: readonly ((member: FakeMember) => void)[] = [
      (member) => member.follow(2),
      (member) => (member.vote = undefined),
      (member) => member.entries.pop(),
    ];
    for (const forget of forgotten) {
      const invariants = new RaftInvariants();
      const back = new FakeMember(1).append(1, 3).follow(3);
      back.vote = 2n;
      const storage = invariants.watch(1n, MemoryLogStorage.create(NO_SNAPSHOT));
      const hardState = { term: 3, vote: 2n, commit: 0 };
      await storage.append({ hardState, entries: [...back.entries] });
      expect(invariants.observe([back])).toBeUndefined();
      const again = new FakeMember(1).append(1, 3).follow(3);
      again.vote = 2n;
      expect(invariants.observe([again])).toBeUndefined();
      const worse = new FakeMember(1).append(1, 3).follow(3);
      worse.vote = 2n;
      forget(worse);
      expect(invariants.observe([worse])?.guarantee).toBe("raft-hard-state");
      invariants.forgive(1n);
      const forgiven = new FakeMember(1);
      expect(invariants.observe([forgiven])).toBeUndefined();
    }
  });

  it("watch() lets a conflict that was being written come back done or not, and nothing else", async () => {
    const comesBackWith = async (...terms: readonly number[]): Promise<unknown> => {
      const invariants = new RaftInvariants();
      const before = new FakeMember(1).append(1, 1).follow(2);
      const storage = MemoryLogStorage.create(NO_SNAPSHOT);
      const hardState = { term: 2, vote: undefined, commit: 0 };
      await invariants.watch(1n, storage).append({ hardState, entries: [...before.entries] });
      expect(invariants.observe([before])).toBeUndefined();
      const news = new FakeMember(1).append(1, 2, 2).entries.slice(1);
      const dying = Object.assign(storage, { append: () => new Promise<void>(() => {}) });
      void invariants.watch(1n, dying).append({ hardState: undefined, entries: news });
      return invariants.observe([new FakeMember(1).append(...terms).follow(2)]);
    };
    expect(await comesBackWith(1, 1)).toBeUndefined();
    expect(await comesBackWith(1, 2, 2)).toBeUndefined();
    for (const terms of [[1], [1, 2], [2, 2]]) {
      expect(await comesBackWith(...terms)).toMatchObject({ guarantee: "raft-hard-state" });
    }
  });

  it("observe() sees what is committed, or leads, before a majority has it on disk", () => {
    const [a, b] = three();
    const invariants = new RaftInvariants({ voters: 3 });
    const vote = { hardState: { term: 1, vote: a.id, commit: 0 } };
    invariants.persisted(a.id, vote);
    a.vote = a.id;
    a.lead(1).append(1);
    expect(invariants.observe([a, b])).toMatchObject({
      guarantee: "raft-hard-state",
      text: "1 leads term 1 by votes that are not on the disks of a majority",
    });
    const stable = new RaftInvariants({ voters: 3 });
    stable.persisted(a.id, vote);
    stable.persisted(b.id, vote);
    b.vote = a.id;
    b.follow(1).append(1);
    expect(stable.observe([a, b])).toBeUndefined();
    stable.persisted(a.id, { entries: [...a.entries] });
    a.commit(1);
    expect(stable.observe([a, b])).toMatchObject({
      guarantee: "raft-commit",
      text: "1 commits 1, which is not on the disks of a majority",
    });
    a.append(1);
    stable.persisted(b.id, { entries: [...a.entries] });
    stable.persisted(a.id, { entries: [...a.entries] });
    a.commit(2);
    expect(stable.observe([a, b])).toBeUndefined();
  });

  it("observe() sees a leader that counts an entry of an older term", () => {
    const [a, b, c, invariants] = three();
    a.lead(3).append(1, 2);
    b.append(1, 2);
    expect(invariants.observe([a, b, c])).toBeUndefined();
    a.commit(2);
    expect(invariants.observe([a, b, c])).toMatchObject({
      guarantee: "raft-commit",
      text: "1 commits entry 2 of term 2 by counting, in term 3",
    });
  });

  it("observe() sees a vote for a candidate whose log is behind the voter's", () => {
    const cases: readonly [ours: number[], its: number[], isWrong: boolean][] = [
      [[1, 1], [1, 1], false],
      [[1, 1], [1, 2], false],
      [[1, 1, 1], [1, 2], false],
      [[1, 1], [1], true],
      [[1, 2], [1, 1, 1], true],
    ];
    for (const [ours, its, isWrong] of cases) {
      const [voter, candidate, , invariants] = three();
      voter.append(...ours).follow(3);
      candidate.append(...its).follow(3);
      candidate.role = "candidate";
      candidate.vote = candidate.id;
      expect(invariants.observe([voter, candidate])).toBeUndefined();
      voter.vote = candidate.id;
      const violation = invariants.observe([voter, candidate]);
      expect(violation?.guarantee).toBe(isWrong ? "raft-leader-completeness" : undefined);
    }
  });

  it.each([
    [1, undefined],
    [3, "raft-log-matching"],
  ])(
    "of %i, one that leads a term again with entries that no disk had",
    async (voters, guarantee) => {
      const invariants = new RaftInvariants({ voters });
      const storage = MemoryLogStorage.create(NO_SNAPSHOT);
      await storage.append({ entries: new FakeMember(1).append(1).entries });
      const starts = (content: number): FakeMember => {
        invariants.watch(1n, storage);
        const member = new FakeMember(1).append(1).follow(2).append(2);
        member.entries.push({ index: 3, term: 2, kind: "normal", data: Uint8Array.of(content) });
        return member;
      };
      expect(invariants.observe([starts(1)])).toBeUndefined();
      expect(invariants.observe([starts(2)])?.guarantee).toBe(guarantee);
    },
  );

  it("watch() knows that an image makes entries void", async () => {
    const invariants = new RaftInvariants();
    const storage = invariants.watch(1n, MemoryLogStorage.create(NO_SNAPSHOT));
    const member = new FakeMember(1).append(1, 1, 1);
    await storage.append({ entries: [...member.entries] });
    await storage.reset({ index: 2, term: 2, confState: { voters: [] } });
    const back = new FakeMember(1);
    back.snapshot = { ...back.snapshot, index: 2, term: 2 };
    back.commit(2).applied = 2;
    expect(invariants.observe([back])).toBeUndefined();
  });

  it("observe() costs next to nothing where nothing changed", () => {
    const random = seededRandom(1);
    const [a, b, c, invariants] = three();
    a.lead(1);
    for (let i = 0; i < 2_000; i++) {
      a.append(1);
      if (random.nextUint32() % 2 === 0) b.append(1);
      a.commit(b.log.lastIndex);
      expect(invariants.observe([a, b, c])).toBeUndefined();
    }
    const startedMs = performance.now();
    for (let i = 0; i < 100_000; i++) invariants.observe([a, b, c]);
    // Some 20 ms; a look at all of the logs would take minutes.
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });
});
