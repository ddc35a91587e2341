/**
 * The consensus algorithm of one member (Ongaro and Ousterhout, "In Search of an Understandable
 * Consensus Algorithm", cited as Raft §n; Ongaro's thesis as thesis §n): terms, roles, elections, and
 * who handles which message. A leader's work for its followers is in replication.ts and
 * leader-reads.ts, a follower's for its leader in append-entries.ts. Deterministic: no clock, no
 * I/O; it changes only by `tick`, `step` and the calls below, and what it wants done collects in
 * `outbox`, `reads` and its log until the owner takes it (raw-node.ts).
 *
 *   follower ─timeout▶ pre-candidate ─would win▶ candidate ─majority▶ leader
 *       ▲──────────────── a higher term, or a leader of this term ────────┘
 *
 * R1 at most one vote a term, and it is on disk before it is sent (the owner's duty).
 * R2 a leader never changes or drops entries of its own log.
 * R3 only entries of the leader's own term are committed by counting (§5.4.2).
 *
 * Departures: pre-vote and check-quorum are always on (thesis §9.6, §6.2), as in etcd.
 */
import { AssertionError, bytesOf, unreachable } from "@sagong/base";
import { accepts, takeAppend } from "./append-entries.js";
import type { RaftConfig } from "./config.js";
import { Election } from "./election.js";
import { ElectionTimer } from "./election-timer.js";
import { ProposalRefusedError, ReadIndexRefusedError } from "./errors.js";
import { LeaderReads } from "./leader-reads.js";
import type { RaftLog } from "./log.js";
import type { AppendResponse, HeartbeatResponse, Message, Vote, VoteResponse } from "./message.js";
import { isOfLeader } from "./message.js";
import type { Progress } from "./progress.js";
import { Replication } from "./replication.js";
import type { Entry, LogIndex, NodeId, SnapshotMetadata, Term } from "./types.js";

export type Role = "follower" | "pre-candidate" | "candidate" | "leader";

const REFUSALS = {
  "no-leader": "there is no leader to propose to",
  "transferring-leadership": "leadership is being handed over",
  "too-much-uncommitted": "too many bytes of proposals wait to be committed",
} as const;

export class Raft {
  readonly config: RaftConfig;
  readonly log: RaftLog;
  readonly peers: readonly NodeId[];
  role: Role = "follower";
  term: Term;
  vote: NodeId | undefined;
  leader: NodeId | undefined;
  /** No client reads, writes or watches here: the owner's to say. */
  isIdle = false;
  /** Messages since the owner last took them. */
  outbox: Message[] = [];
  readonly reads: LeaderReads;
  readonly #replication: Replication;
  readonly #election = new Election();
  readonly #electionTimer: ElectionTimer;
  #heartbeatElapsed = 0;
  #transferTarget: NodeId | undefined;

  constructor(
    config: RaftConfig,
    log: RaftLog,
    hard: { readonly term: Term; readonly vote: NodeId | undefined },
  ) {
    this.config = config;
    this.log = log;
    this.term = hard.term;
    this.vote = hard.vote;
    this.peers = config.voters.filter((voter) => voter !== config.nodeId);
    this.#electionTimer = new ElectionTimer(config);
    this.#replication = new Replication(this);
    this.reads = new LeaderReads(this, this.#replication);
  }

  get id(): NodeId {
    return this.config.nodeId;
  }

  /** Of a leader's followers; empty in every other role. */
  get progress(): ReadonlyMap<NodeId, Progress> {
    return this.#replication.progress;
  }

  send(message: Message): void {
    this.outbox.push(message);
  }

  tick(): void {
    this.#electionTimer.tick();
    if (this.role === "leader") return this.#tickLeader();
    if (this.#electionTimer.isDue) {
      this.#electionTimer.restart();
      this.#campaign("pre-vote");
    }
  }

  /** Starts an election now, without waiting for the timeout. */
  campaign(): void {
    if (this.role !== "leader") this.#campaign("pre-vote");
  }

  /** Why `bytes` of proposals cannot be taken just now. Later they may be. */
  refusalOf(bytes: number): keyof typeof REFUSALS | undefined {
    if (this.role !== "leader") return this.leader === undefined ? "no-leader" : undefined;
    if (this.#transferTarget !== undefined) return "transferring-leadership";
    const waiting = this.log.bytesIn(this.log.committed, this.log.lastIndex);
    // Much at once is let through when nothing else waits, so that it is not stuck for ever.
    const isTooMuch = waiting > 0 && waiting + bytes > this.config.maxUncommittedBytes;
    return isTooMuch ? "too-much-uncommitted" : undefined;
  }

  /** One entry for each of `data`; a follower sends them to its leader. */
  propose(data: readonly Uint8Array[]): void {
    const refusal = this.refusalOf(bytesOf(data));
    if (refusal !== undefined) throw new ProposalRefusedError(refusal, REFUSALS[refusal]);
    if (this.role === "leader") {
      this.#appendOwn(data);
      this.#replication.broadcast();
    } else if (this.leader !== undefined) {
      this.send({ kind: "propose", from: this.id, to: this.leader, term: this.term, data });
    }
  }

  /** Throws `ReadIndexRefusedError` where no leader is known. */
  readIndex(context: number): void {
    if (this.role === "leader") return this.reads.add({ from: undefined, context });
    if (this.leader === undefined) throw new ReadIndexRefusedError("there is no leader to ask");
    this.send({ kind: "read-index", from: this.id, to: this.leader, term: this.term, context });
  }

  /** Sends the heartbeats of reads that came since the last call: once a turn, for all of them. */
  flushReads(): void {
    if (this.role === "leader") this.reads.flush();
  }

  /** Tells followers how far is committed, where no append has: once a turn at most. */
  flushCommit(): void {
    if (this.role === "leader") this.#replication.announceCommit();
  }

  /** Whether `flushCommit` would tell anybody anything. */
  get hasUntoldCommit(): boolean {
    return this.role === "leader" && this.#replication.hasNews;
  }

  /** Whether a follower could be sent entries that wait for others (sparing.ts). */
  get hasHeldEntries(): boolean {
    return this.role === "leader" && this.#replication.hasHeld;
  }

  /** Sends them: the owner lets none wait for long. */
  releaseHeldEntries(): void {
    if (this.role === "leader") this.#replication.releaseHeld();
  }

  /** The owner has met what that member's clients ask for. */
  hasClients(id: NodeId): void {
    if (this.role === "leader") this.#replication.hasClients(id);
  }

  /** Thesis §3.10. The owner learns of success by the change of leader. */
  transferLeadership(target: NodeId): void {
    if (this.role !== "leader" || target === this.id) return;
    const progress = this.progress.get(target);
    if (!progress) return;
    this.hasClients(target); // It will have them.
    this.#transferTarget = target;
    this.#electionTimer.rewind();
    if (progress.match === this.log.lastIndex) this.#sendTimeoutNow(target);
    else this.#replication.probe(target);
  }

  /** The owner has sent the follower an image at `index`, or has failed to. */
  reportSnapshot(to: NodeId, sent: boolean): void {
    if (this.role === "leader") this.#replication.reportSnapshot(to, sent);
  }

  reportUnreachable(to: NodeId): void {
    if (this.role === "leader") this.#replication.reportUnreachable(to);
    if (this.role === "follower" && this.leader === to) this.#electionTimer.suspectLeader();
  }

  /** The state machine now holds the image that `metadata` names (§7). */
  restored(metadata: SnapshotMetadata, from: NodeId): void {
    if (metadata.index > this.log.committed) this.log.restore(metadata);
    this.send(accepts(this, from, this.log.committed));
  }

  /** Entries up to (index, term) are on disk: the leader counts itself (§10.2.1 of the thesis). */
  persisted(index: LogIndex, term: Term): void {
    this.log.stableTo(index, term);
    if (this.role === "leader") this.#maybeCommit();
  }

  step(message: Message): void {
    if (message.term > this.term) {
      if (this.#isHeldByLease(message)) return;
      this.#adoptTerm(message);
    } else if (message.term < this.term) {
      return this.#refuseOldTerm(message);
    }
    switch (message.kind) {
      case "pre-vote":
      case "vote":
        return this.#onVote(message);
      case "pre-vote-response":
      case "vote-response":
        return this.#onVoteResponse(message);
      case "append":
        this.#follow(message.from);
        return this.send(takeAppend(this, message));
      case "commit":
        this.#follow(message.from);
        if (this.log.termAt(message.index) === message.logTerm) {
          this.log.commitTo(Math.min(message.commit, message.index));
        }
        return;
      case "heartbeat":
        this.#follow(message.from);
        this.#commitShared(message.commit);
        return this.send({
          from: this.id,
          to: message.from,
          term: this.term,
          kind: "heartbeat-response",
          round: message.round,
          idle: this.isIdle,
        });
      case "append-response":
        return this.#onAppendResponse(message);
      case "heartbeat-response":
        return this.#onHeartbeatResponse(message);
      case "propose":
        this.hasClients(message.from);
        // Lost otherwise: whoever proposed it waits with a time limit.
        if (this.role === "leader" && this.refusalOf(bytesOf(message.data)) === undefined) {
          this.propose(message.data);
        }
        return;
      case "read-index":
        this.hasClients(message.from);
        if (this.role === "leader") this.reads.add(message);
        return;
      case "read-index-response":
        return this.reads.answer({ context: message.context, index: message.index });
      case "timeout-now":
        if (this.role !== "leader") this.#campaign("vote", { transfer: true });
        return;
      case "snapshot":
        return this.#follow(message.from); // The image itself comes over a stream of its own.
      default:
        return unreachable(message, "message");
    }
  }

  /**
   * What a heartbeat says is committed. Logs agree up to any entry of the leader's own term (§5.3, Log
   * Matching); where there is none, only appends tell how far. The leader's memory of us is no proof:
   * a member that was given an old disk may hold entries where it once acknowledged others.
   */
  #commitShared(commit: LogIndex): void {
    const { log } = this;
    if (log.lastTerm === this.term) log.commitTo(Math.min(commit, log.lastIndex));
  }

  // ── Terms and roles ──────────────────────────────────────────────────────────────────────────

  /** A member that hears its leader does not help to depose it (thesis §4.2.3, §6.4). */
  #isHeldByLease(message: Message): boolean {
    if (message.kind !== "vote" && message.kind !== "pre-vote") return false;
    return this.leader !== undefined && this.#electionTimer.heardLately && !message.transfer;
  }

  #adoptTerm(message: Message): void {
    // A pre-vote only asks, and its consent only says what would be.
    if (message.kind === "pre-vote") return;
    if (message.kind === "pre-vote-response" && message.granted) return;
    this.#becomeFollower(message.term, isOfLeader(message) ? message.from : undefined);
  }

  /** Tells a deposed leader or a lagging candidate of our term (§5.1). */
  #refuseOldTerm(message: Message): void {
    if (isOfLeader(message)) {
      this.send(accepts(this, message.from, this.log.committed));
    } else if (message.kind === "vote" || message.kind === "pre-vote") {
      const { id: from, term } = this;
      const kind = message.kind === "vote" ? "vote-response" : "pre-vote-response";
      this.send({ kind, from, to: message.from, term, granted: false });
    }
  }

  #follow(leader: NodeId): void {
    if (this.role === "leader") {
      throw new AssertionError(`two leaders in term ${this.term}: ${this.id} and ${leader}`);
    }
    if (this.role !== "follower" || this.leader !== leader) this.#becomeFollower(this.term, leader);
    this.#electionTimer.rewind();
  }

  #becomeFollower(term: Term, leader: NodeId | undefined): void {
    if (term !== this.term) this.vote = undefined;
    this.term = term;
    this.role = "follower";
    this.leader = leader;
    this.#dropLeaderState();
    this.#electionTimer.restart();
  }

  #dropLeaderState(): void {
    this.#replication.end();
    this.#election.end();
    this.reads.end();
    this.#transferTarget = undefined;
  }

  #becomeLeader(): void {
    this.role = "leader";
    this.leader = this.id;
    this.#election.end();
    this.#electionTimer.rewind();
    this.#heartbeatElapsed = 0;
    this.#replication.begin();
    // An entry of our own term, so that those before it can be committed (§5.4.2, §8).
    this.#appendOwn([new Uint8Array(0)]);
    this.#replication.broadcast();
  }

  // ── Elections (§5.2, §5.4.1, thesis §9.6) ────────────────────────────────────────────────────

  #campaign(
    kind: "pre-vote" | "vote",
    { transfer }: { transfer: boolean } = { transfer: false },
  ): void {
    this.leader = undefined;
    this.#dropLeaderState();
    this.role = kind === "pre-vote" ? "pre-candidate" : "candidate";
    const term = this.term + 1;
    if (kind === "vote") {
      this.term = term;
      this.vote = this.id;
      this.#electionTimer.restart();
    }
    this.#election.begin(this.id);
    if (this.#isDecided()) return;
    const { lastIndex, lastTerm } = this.log;
    for (const to of this.peers) {
      this.send({ kind, from: this.id, to, term, lastIndex, lastTerm, transfer });
    }
  }

  #onVote(message: Vote): void {
    const mayVote =
      message.kind === "pre-vote"
        ? message.term > this.term
        : this.vote === message.from || (this.vote === undefined && this.leader === undefined);
    const granted = mayVote && this.log.isUpToDate(message.lastIndex, message.lastTerm);
    if (granted && message.kind === "vote") {
      this.vote = message.from;
      this.#electionTimer.rewind();
    }
    this.send({
      from: this.id,
      to: message.from,
      // Consent carries the term that would be; refusal the one that is.
      term: granted ? message.term : this.term,
      kind: message.kind === "pre-vote" ? "pre-vote-response" : "vote-response",
      granted,
    });
  }

  #onVoteResponse(message: VoteResponse): void {
    const wanted = this.role === "pre-candidate" ? "pre-vote-response" : "vote-response";
    if ((this.role !== "pre-candidate" && this.role !== "candidate") || message.kind !== wanted)
      return;
    if (message.kind === "pre-vote-response" && message.granted && message.term !== this.term + 1)
      return;
    this.#election.count(message.from, message.granted);
    this.#isDecided();
  }

  /** Acts on the election's result. True where there is one. */
  #isDecided(): boolean {
    switch (this.#election.result(this.config.voters.length)) {
      case "won":
        if (this.role === "pre-candidate") this.#campaign("vote");
        else this.#becomeLeader();
        return true;
      case "lost":
        this.#becomeFollower(this.term, undefined);
        return true;
      case "pending":
        return false;
    }
  }

  // ── A leader's clock (§5.2, thesis §6.2), and what its followers answer ──────────────────────

  #tickLeader(): void {
    this.#replication.tick();
    this.#heartbeatElapsed++;
    if (this.#electionTimer.elapsed >= this.config.electionTicks) {
      this.#electionTimer.rewind();
      this.#transferTarget = undefined; // It has had an election timeout's time.
      // A leader that a majority no longer answers steps down: clients must look elsewhere.
      if (!this.#replication.hasActiveQuorum()) return this.#becomeFollower(this.term, undefined);
    }
    if (this.#heartbeatElapsed >= this.config.heartbeatTicks) {
      this.#heartbeatElapsed = 0;
      this.reads.broadcastHeartbeat();
    }
  }

  #appendOwn(data: readonly Uint8Array[]): void {
    const { lastIndex } = this.log;
    this.log.append(
      data.map((one, i): Entry => ({
        index: lastIndex + 1 + i,
        term: this.term,
        kind: "normal",
        data: one,
      })),
    );
  }

  #onAppendResponse(message: AppendResponse): void {
    if (this.role !== "leader") return;
    const progress = this.#replication.answered(message);
    if (!progress) return;
    this.#maybeCommit();
    this.#replication.goOn(message.from, progress);
    if (this.#transferTarget === message.from && progress.match === this.log.lastIndex) {
      this.#sendTimeoutNow(message.from);
    }
  }

  #onHeartbeatResponse({ from, round, idle }: HeartbeatResponse): void {
    if (this.role !== "leader" || !this.progress.has(from)) return;
    this.#replication.heard(from, idle);
    if (round > 0) this.reads.confirm(from, round);
  }

  #maybeCommit(): void {
    const index = this.#replication.committable();
    if (index === undefined) return;
    this.log.commitTo(index);
    this.reads.flush();
  }

  #sendTimeoutNow(to: NodeId): void {
    this.send({ from: this.id, to, term: this.term, kind: "timeout-now" });
  }
}
