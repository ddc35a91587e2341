/** The door of the core: everything goes in by these calls and comes out as `Ready`. */
import { assert } from "@sagong/base";
import { type RaftConfig, validateConfig } from "./config.js";
import { RaftLog } from "./log.js";
import type { Message } from "./message.js";
import type { ReadAnswer } from "./leader-reads.js";
import { Raft, type Role } from "./raft.js";
import type { Ready } from "./ready.js";
import type { Entry, HardState, LogIndex, NodeId, SnapshotMetadata, Term } from "./types.js";

/** What was on disk. */
export interface RestoredState {
  readonly hardState: HardState;
  readonly snapshot: SnapshotMetadata;
  readonly entries: readonly Entry[];
  /** How far the state machine has come; never applied again. */
  readonly applied: LogIndex;
}

export interface RawStatus {
  readonly role: Role;
  readonly term: Term;
  readonly leader: NodeId | undefined;
  readonly committed: LogIndex;
  readonly applied: LogIndex;
  readonly lastIndex: LogIndex;
}

export class RawNode {
  readonly raft: Raft;
  /** Set: a commit that no append carries is not told to followers for now. */
  holdsCommit = false;
  #hardState: HardState;
  /** Answers that depend on what the next Ready writes. */
  #afterPersist: Message[] = [];
  #pending: Ready | undefined;

  constructor(config: RaftConfig, restored: RestoredState) {
    validateConfig(config);
    const log = new RaftLog(restored.snapshot, restored.entries);
    log.committed = Math.max(restored.applied, Math.min(restored.hardState.commit, log.lastIndex));
    log.applied = restored.applied;
    assert(
      restored.applied >= log.firstIndex - 1 && restored.applied <= log.lastIndex,
      `the state machine has applied ${restored.applied}, outside the log ${log.firstIndex - 1}..${log.lastIndex}`,
    );
    this.raft = new Raft(config, log, restored.hardState);
    this.#hardState = { ...restored.hardState, commit: log.committed };
  }

  get status(): RawStatus {
    const { role, term, leader, log } = this.raft;
    return {
      role,
      term,
      leader,
      committed: log.committed,
      applied: log.applied,
      lastIndex: log.lastIndex,
    };
  }

  tick(): void {
    this.raft.tick();
  }

  step(message: Message): void {
    this.raft.step(message);
  }

  /**
   * False where the log has what the image names. Entries behind it must stay then, since this
   * member may have acknowledged them (§7: "retain log entries following it").
   */
  needsImage({ index, term }: SnapshotMetadata): boolean {
    const { log } = this.raft;
    return index > log.committed && log.termAt(index) !== term;
  }

  /** The state machine now holds the image that `metadata` names, or did not need it (§7). */
  restored(metadata: SnapshotMetadata, from: NodeId): void {
    if (!this.needsImage(metadata)) this.raft.log.commitTo(metadata.index);
    this.raft.restored(metadata, from);
  }

  /** Throws `ProposalRefusedError`. */
  propose(data: readonly Uint8Array[]): void {
    this.raft.propose(data);
  }

  /** Throws `ReadIndexRefusedError`. */
  readIndex(context: number): void {
    this.raft.readIndex(context);
  }

  /** Messages that may be sent now; those that must wait for the disk stay for the next Ready. */
  takeMessages(): Message[] {
    if (!this.holdsCommit) this.raft.flushCommit();
    this.raft.flushReads();
    const { outbox } = this.raft;
    if (outbox.length === 0) return [];
    const now: Message[] = [];
    for (const message of outbox) {
      if (dependsOnDisk(message)) this.#afterPersist.push(message);
      else now.push(message);
    }
    this.raft.outbox = [];
    return now;
  }

  takeReads(): ReadAnswer[] {
    return this.raft.reads.takeAnswers();
  }

  /** Committed entries that are on disk and not yet handed out for applying. */
  takeCommitted(): Entry[] {
    const entries = this.raft.log.applicable();
    const last = entries.at(-1);
    if (last) this.raft.log.appliedTo(last.index);
    return entries;
  }

  /** Must not be called again before `advance`. */
  ready(): Ready {
    assert(this.#pending === undefined, "ready() was called twice without advance()");
    const messages = this.takeMessages();
    const { term, vote, log } = this.raft;
    const hardState = { term, vote, commit: log.committed };
    const before = this.#hardState;
    const voted = term !== before.term || vote !== before.vote;
    const entries = log.unstable();
    const afterPersist = this.#afterPersist;
    this.#afterPersist = [];
    const ready: Ready = {
      hardState: voted || hardState.commit !== before.commit ? hardState : undefined,
      mustSync: voted || entries.length > 0,
      entries,
      messages,
      afterPersist,
      committed: this.takeCommitted(),
      reads: this.takeReads(),
    };
    this.#hardState = hardState;
    this.#pending = ready;
    return ready;
  }

  /** Everything of the last `ready()` is done; its entries are on disk. */
  advance(): void {
    const last = this.#pending?.entries.at(-1);
    this.#pending = undefined;
    if (last) this.raft.persisted(last.index, last.term);
  }

  /** True where `ready()` would have something in it. */
  get hasReady(): boolean {
    const { term, vote, log, outbox, reads } = this.raft;
    const { term: oldTerm, vote: oldVote } = this.#hardState;
    return (
      outbox.length > 0 ||
      this.#afterPersist.length > 0 ||
      reads.hasAnswers ||
      log.lastIndex > log.stable ||
      Math.min(log.committed, log.stable) > log.applied ||
      term !== oldTerm ||
      vote !== oldVote
    );
  }
}

/**
 * Promises about what is on disk (figure 2). A leader's own messages promise nothing of the kind; nor
 * does the answer to a heartbeat: it says which term this member is in now, and so that it has not
 * voted in a later one (such a vote would be on disk). Reads need not wait behind a batch for it.
 */
function dependsOnDisk(message: Message): boolean {
  switch (message.kind) {
    case "append-response":
    case "vote":
    case "vote-response":
    case "pre-vote-response":
      return true;
    default:
      return false;
  }
}
