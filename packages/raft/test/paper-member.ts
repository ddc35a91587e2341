/**
 * One member of the pure core for tests: what it hears, and what its owner does for it with network,
 * disk and state machine, as lines of text. And the messages that it hears, by short words.
 */
import { seededRandom } from "@sagong/base";
import { RAFT_DEFAULTS, type RaftConfig } from "../src/core/config.js";
import { describeEntry, describeMessage } from "../src/core/describe.js";
import type { Append, Message, Vote, VoteResponse } from "../src/core/message.js";
import { RawNode } from "../src/core/raw-node.js";
import type { Entry, HardState, LogIndex, NodeId, Term } from "../src/core/types.js";

/** The member under test. */
export const ME: NodeId = 1n;

export class Member {
  node: RawNode;
  readonly applied: string[] = [];
  readonly reads: string[] = [];
  readonly #config: RaftConfig;
  #disk: { hardState: HardState; log: Entry[]; snapshot: { index: LogIndex; term: Term } };

  constructor(
    disk: {
      readonly terms?: readonly Term[];
      readonly term?: Term;
      readonly vote?: NodeId;
      readonly commit?: LogIndex;
      readonly compacted?: { readonly index: LogIndex; readonly term: Term };
    } = {},
    config: Partial<RaftConfig> = {},
  ) {
    const snapshot = disk.compacted ?? { index: 0, term: 0 };
    const terms = disk.terms ?? [];
    const term = disk.term ?? Math.max(snapshot.term, terms.at(-1) ?? 0);
    this.#config = {
      ...RAFT_DEFAULTS,
      nodeId: ME,
      voters: [1n, 2n, 3n],
      random: seededRandom(1),
      ...config,
    };
    this.#disk = {
      snapshot,
      hardState: { term, vote: disk.vote, commit: Math.max(disk.commit ?? 0, snapshot.index) },
      log: terms.map((one, i) => entry(snapshot.index + i + 1, one)),
    };
    this.node = this.#start();
  }

  get state(): string {
    const { role, term, leader, committed } = this.node.status;
    return `${role} t${term} leader=${leader ?? "none"} commit=${committed}`;
  }

  get log(): string {
    const { log } = this.node.raft;
    return log.range(log.snapshot.index, log.lastIndex).map(describeEntry).join(" ");
  }

  get onDisk(): HardState {
    return this.#disk.hardState;
  }

  /** Loses what is not on disk. */
  crash(): void {
    this.node = this.#start();
  }

  hear(...messages: readonly Message[]): this {
    for (const message of messages) this.node.step(message);
    return this;
  }

  tick(times: number): this {
    for (let i = 0; i < times; i++) this.node.tick();
    return this;
  }

  /** What may be sent before anything is written; then the disk works, and the rest goes. */
  turn(): { readonly before: string[]; readonly written: string[]; readonly after: string[] } {
    const ready = this.node.ready();
    const { entries, hardState } = ready;
    this.applied.push(...ready.committed.map(describeEntry));
    const reads = ready.reads.map(({ context, index }) => `${context}→${index ?? "none"}`);
    this.reads.push(...reads);
    const [first] = entries;
    const { log, snapshot } = this.#disk;
    if (first) log.splice(first.index - snapshot.index - 1, Infinity, ...entries);
    if (hardState && ready.mustSync) this.#disk.hardState = hardState;
    this.node.advance();
    const before = ready.messages.map(describeMessage);
    const after = ready.afterPersist.map(describeMessage);
    return { before, written: entries.map(describeEntry), after };
  }

  /** Turns until there is nothing to do; returns everything sent. */
  settle(): string[] {
    const sent = this.node.takeMessages().map(describeMessage);
    while (this.node.hasReady) {
      const { before, after } = this.turn();
      sent.push(...before, ...after);
    }
    return sent;
  }

  /** As a candidate of the next term that wins, with all it says in between. */
  lead(): this {
    this.node.raft.campaign();
    this.settle();
    const next = this.node.status.term + 1;
    this.hear(vote({ kind: "pre-vote-response", from: 2n, term: next, granted: true }));
    this.settle();
    this.hear(vote({ kind: "vote-response", from: 2n, term: next, granted: true }));
    return this;
  }

  #start(): RawNode {
    const { hardState, log, snapshot } = this.#disk;
    const confState = { voters: this.#config.voters };
    return new RawNode(this.#config, {
      hardState,
      snapshot: { ...snapshot, confState },
      entries: [...log],
      applied: snapshot.index,
    });
  }
}

export function entry(index: LogIndex, term: Term): Entry {
  return { index, term, kind: "normal", data: Uint8Array.of(index) };
}

export function append(
  more: Partial<Omit<Append, "entries">> & { readonly entries?: readonly Entry[] },
): Append {
  return {
    kind: "append",
    from: 2n,
    to: ME,
    term: 1,
    prevIndex: 0,
    prevTerm: 0,
    entries: [],
    commit: 0,
    ...more,
  };
}

export function accepted(from: NodeId, term: Term, index: LogIndex): Message {
  return {
    kind: "append-response",
    from,
    to: ME,
    term,
    index,
    rejected: false,
    hintIndex: 0,
    hintTerm: 0,
  };
}

export function rejected(
  from: NodeId,
  term: Term,
  at: { readonly index: LogIndex; readonly hint: readonly [LogIndex, Term] },
): Message {
  const [hintIndex, hintTerm] = at.hint;
  const { index } = at;
  return {
    kind: "append-response",
    from,
    to: ME,
    term,
    index,
    rejected: true,
    hintIndex,
    hintTerm,
  };
}

export function heartbeatResponse(from: NodeId, term: Term, round = 0): Message {
  return { kind: "heartbeat-response", from, to: ME, term, round };
}

export function heartbeat(from: NodeId, term: Term, commit = 0): Message {
  return { kind: "heartbeat", from, to: ME, term, commit, round: 0 };
}

export function vote(more: Partial<VoteResponse> & Pick<VoteResponse, "kind">): VoteResponse {
  return { from: 2n, to: ME, term: 1, granted: true, ...more };
}

export function askVote(more: Partial<Vote>): Vote {
  return {
    kind: "vote",
    from: 2n,
    to: ME,
    term: 1,
    lastIndex: 0,
    lastTerm: 0,
    transfer: false,
    ...more,
  };
}

export function propose(member: Member, text: string): void {
  member.node.propose([new TextEncoder().encode(text)]);
}
