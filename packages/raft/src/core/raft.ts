/**
 * The consensus algorithm of one member (Ongaro and Ousterhout, "In Search of an Understandable
 * Consensus Algorithm", cited as Raft §n; Ongaro's thesis as thesis §n). Deterministic: no clock,
 * no I/O; it changes only by `tick`, `step` and the calls below, and what it wants done collects in
 * `outbox`, `confirmedReads` and its log until the owner takes it (raw-node.ts).
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
import { assert, unreachable } from "@sagong/base";
import type { RaftConfig } from "./config.js";
import { ElectionTimer } from "./election-timer.js";
import { ProposalRefusedError, ReadIndexRefusedError } from "./errors.js";
import type { RaftLog } from "./log.js";
import type { Append, AppendResponse, Message, Vote, VoteResponse } from "./message.js";
import { isOfLeader } from "./message.js";
import { Progress } from "./progress.js";
import { majorityOf, quorumIndex, tally } from "./quorum.js";
import { type PendingRead, ReadIndexQueue } from "./read-index.js";
import type { Entry, LogIndex, NodeId, SnapshotMetadata, Term } from "./types.js";

export type Role = "follower" | "pre-candidate" | "candidate" | "leader";

/** The answer to a read of this node: an index to wait for, or that there is none. */
export interface ReadAnswer {
  readonly context: number;
  readonly index: LogIndex | undefined;
}

export class Raft {
  readonly config: RaftConfig;
  readonly log: RaftLog;
  role: Role = "follower";
  term: Term;
  vote: NodeId | undefined;
  leader: NodeId | undefined;
  /** Messages since the owner last took them. */
  outbox: Message[] = [];
  readAnswers: ReadAnswer[] = [];
  readonly progress: Map<NodeId, Progress> = new Map();
  #votes = new Map<NodeId, boolean>();
  readonly #reads = new ReadIndexQueue();
  readonly #electionTimer: ElectionTimer;
  #heartbeatElapsed = 0;
  #transferTarget: NodeId | undefined;
  #uncommittedBytes = 0;

  constructor(
    config: RaftConfig,
    log: RaftLog,
    hard: { readonly term: Term; readonly vote: NodeId | undefined },
  ) {
    this.config = config;
    this.log = log;
    this.term = hard.term;
    this.vote = hard.vote;
    this.#electionTimer = new ElectionTimer(config);
  }

  get id(): NodeId {
    return this.config.nodeId;
  }

  get peers(): NodeId[] {
    return this.config.voters.filter((voter) => voter !== this.id);
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

  propose(data: readonly Uint8Array[]): void {
    if (this.role !== "leader") {
      if (this.leader === undefined) {
        throw new ProposalRefusedError("no-leader", "there is no leader to propose to");
      }
      this.#send({ kind: "propose", from: this.id, to: this.leader, term: this.term, data });
      return;
    }
    if (this.#transferTarget !== undefined) {
      throw new ProposalRefusedError("transferring-leadership", "leadership is being handed over");
    }
    const bytes = data.reduce((sum, one) => sum + one.length, 0);
    // A single large batch is let through when nothing else waits, so that it is not stuck for ever.
    if (
      this.#uncommittedBytes > 0 &&
      this.#uncommittedBytes + bytes > this.config.maxUncommittedBytes
    ) {
      throw new ProposalRefusedError(
        "too-much-uncommitted",
        `${this.#uncommittedBytes} bytes of proposals wait to be committed`,
      );
    }
    this.#uncommittedBytes += bytes;
    this.#appendOwn(data);
    this.#broadcastAppend();
  }

  /** Throws `ReadIndexRefusedError` where no leader is known. */
  readIndex(context: number): void {
    if (this.role === "leader") return this.#queueRead({ from: undefined, context });
    if (this.leader === undefined) throw new ReadIndexRefusedError("there is no leader to ask");
    this.#send({ kind: "read-index", from: this.id, to: this.leader, term: this.term, context });
  }

  /** Sends the heartbeats of reads that came since the last call: once a turn, for all of them. */
  flushReads(): void {
    if (this.role !== "leader" || !this.#reads.hasWaiting || !this.#hasCommittedInTerm()) return;
    const round = this.#reads.begin(this.id, this.log.committed);
    if (this.config.voters.length === 1) this.#confirmReads(this.id, round);
    else this.#broadcastHeartbeat();
  }

  /**
   * Tells followers how far is committed, where no append has: once a turn, so that the appends of
   * that turn carry it. At once, since those who wait there for their writes are waiting now.
   */
  flushCommit(): void {
    if (this.role !== "leader") return;
    for (const [to, progress] of this.progress) this.#announceCommit(to, progress);
  }

  /** Thesis §3.10. The owner learns of success by the change of leader. */
  transferLeadership(target: NodeId): void {
    if (this.role !== "leader" || target === this.id) return;
    const progress = this.progress.get(target);
    if (!progress) return;
    this.#transferTarget = target;
    this.#electionTimer.rewind();
    if (progress.match === this.log.lastIndex) this.#sendTimeoutNow(target);
    else this.#sendAppend(target, progress);
  }

  /** The owner has sent the follower an image at `index`, or has failed to. */
  reportSnapshot(to: NodeId, sent: boolean): void {
    const progress = this.progress.get(to);
    if (this.role !== "leader" || progress?.state !== "snapshot") return;
    if (!sent) progress.pendingSnapshot = 0;
    progress.becomeProbe();
    // Wait for the follower's next answer before sending: a failed peer is not to be flooded.
    progress.probing = true;
  }

  reportUnreachable(to: NodeId): void {
    const progress = this.progress.get(to);
    if (this.role === "leader" && progress?.state === "replicate") progress.becomeProbe();
    if (this.role === "follower" && this.leader === to) this.#electionTimer.suspectLeader();
  }

  /** The state machine now holds the image that `metadata` names (§7). */
  restored(metadata: SnapshotMetadata, from: NodeId): void {
    if (metadata.index > this.log.committed) this.log.restore(metadata);
    this.#send(this.#appendResponse(from, this.log.committed));
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
        return this.#onAppend(message);
      case "commit":
        this.#follow(message.from);
        if (this.log.termAt(message.index) === message.logTerm) {
          this.log.commitTo(Math.min(message.commit, message.index));
        }
        return;
      case "heartbeat":
        this.#follow(message.from);
        this.log.commitTo(Math.min(message.commit, this.log.lastIndex));
        return this.#send({
          from: this.id,
          to: message.from,
          term: this.term,
          kind: "heartbeat-response",
          round: message.round,
        });
      case "append-response":
        return this.#onAppendResponse(message);
      case "heartbeat-response":
        return this.#onHeartbeatResponse(message.from, message.round);
      case "propose":
        if (this.role === "leader" && this.#transferTarget === undefined)
          this.propose(message.data);
        return; // Lost otherwise: whoever proposed it waits with a time limit.
      case "read-index":
        if (this.role === "leader")
          this.#queueRead({ from: message.from, context: message.context });
        return;
      case "read-index-response":
        this.readAnswers.push({ context: message.context, index: message.index });
        return;
      case "timeout-now":
        if (this.role !== "leader") this.#campaign("vote", { transfer: true });
        return;
      case "snapshot":
        return this.#follow(message.from); // The image itself comes over a stream of its own.
      default:
        return unreachable(message, "message");
    }
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
      this.#send(this.#appendResponse(message.from, this.log.committed));
    } else if (message.kind === "pre-vote") {
      const { id: from, term } = this;
      this.#send({ kind: "pre-vote-response", from, to: message.from, term, granted: false });
    }
  }

  #follow(leader: NodeId): void {
    assert(this.role !== "leader", `two leaders in term ${this.term}: ${this.id} and ${leader}`);
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
    this.progress.clear();
    this.#votes.clear();
    this.#transferTarget = undefined;
    this.#uncommittedBytes = 0;
    for (const { from, context } of this.#reads.reset()) {
      if (from === undefined) this.readAnswers.push({ context, index: undefined });
    }
  }

  #becomeLeader(): void {
    this.role = "leader";
    this.leader = this.id;
    this.#votes.clear();
    this.#electionTimer.rewind();
    this.#heartbeatElapsed = 0;
    const limits = {
      messages: this.config.maxInflightMessages,
      bytes: this.config.maxInflightBytes,
    };
    for (const peer of this.peers) {
      const progress = new Progress(this.log.lastIndex + 1, limits);
      progress.recentlyActive = true; // Until the first check, not knowing is no reason to resign.
      this.progress.set(peer, progress);
    }
    // An entry of our own term, so that those before it can be committed (§5.4.2, §8).
    this.#appendOwn([new Uint8Array(0)]);
    this.#broadcastAppend();
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
    this.#votes.set(this.id, true);
    if (this.#countVotes()) return;
    const { lastIndex, lastTerm } = this.log;
    for (const to of this.peers) {
      this.#send({ kind, from: this.id, to, term, lastIndex, lastTerm, transfer });
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
    this.#send({
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
    if (!this.#votes.has(message.from)) this.#votes.set(message.from, message.granted);
    this.#countVotes();
  }

  /** True where the election is decided. */
  #countVotes(): boolean {
    const granted = [...this.#votes.values()].filter(Boolean).length;
    const votes = { granted, refused: this.#votes.size - granted };
    switch (tally(votes, this.config.voters.length)) {
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

  // ── The leader's clock (§5.2, thesis §6.2) ───────────────────────────────────────────────────

  #tickLeader(): void {
    this.#heartbeatElapsed++;
    if (this.#electionTimer.elapsed >= this.config.electionTicks) {
      this.#electionTimer.rewind();
      this.#transferTarget = undefined; // It has had an election timeout's time.
      if (!this.#checkQuorum()) return;
    }
    if (this.#heartbeatElapsed >= this.config.heartbeatTicks) {
      this.#heartbeatElapsed = 0;
      this.#broadcastHeartbeat();
    }
  }

  /** A leader that a majority no longer answers steps down: clients must look elsewhere. */
  #checkQuorum(): boolean {
    let active = 1;
    for (const progress of this.progress.values()) {
      if (progress.recentlyActive) active++;
      progress.recentlyActive = false;
    }
    if (active >= majorityOf(this.config.voters.length)) return true;
    this.#becomeFollower(this.term, undefined);
    return false;
  }

  // ── Replication (§5.3, §5.4.2) ───────────────────────────────────────────────────────────────

  #appendOwn(data: readonly Uint8Array[]): void {
    let index = this.log.lastIndex;
    const entries = data.map((one): Entry => ({
      index: ++index,
      term: this.term,
      kind: "normal",
      data: one,
    }));
    this.log.append(entries);
  }

  #broadcastAppend(): void {
    for (const [to, progress] of this.progress) this.#sendAppends(to, progress);
  }

  /** As many appends as the window has room for; none where there is nothing new. */
  #sendAppends(to: NodeId, progress: Progress): void {
    while (!progress.isPaused && progress.next <= this.log.lastIndex)
      this.#sendAppend(to, progress);
  }

  #sendAppend(to: NodeId, progress: Progress): void {
    if (progress.isPaused) return;
    const { id: from, term } = this;
    const prevIndex = progress.next - 1;
    const prevTerm = this.log.termAt(prevIndex);
    if (prevTerm === undefined) {
      // What it needs is compacted: only an image helps (§7).
      progress.becomeSnapshot(this.log.snapshot.index);
      this.#send({ kind: "snapshot", from, to, term, metadata: this.log.snapshot });
      return;
    }
    const entries = this.log.slice(progress.next, this.config.maxAppendBytes);
    const last = entries.at(-1);
    if (last) {
      progress.sent(
        last.index,
        entries.reduce((sum, { data }) => sum + data.length, 0),
      );
    } else if (progress.state === "probe") {
      progress.probing = true;
    }
    const commit = this.log.committed;
    progress.sentCommit = commit;
    this.#send({ kind: "append", from, to, term, prevIndex, prevTerm, entries, commit });
  }

  #onAppend(message: Append): void {
    const { prevIndex, prevTerm, entries } = message;
    if (prevIndex < this.log.committed) {
      // An old message: all that it can tell is committed here already.
      return this.#send(this.#appendResponse(message.from, this.log.committed));
    }
    if (this.log.termAt(prevIndex) !== prevTerm) {
      const hint = this.log.findConflict(prevIndex, prevTerm);
      return this.#send({
        from: this.id,
        to: message.from,
        term: this.term,
        kind: "append-response",
        index: prevIndex,
        rejected: true,
        hintIndex: hint.index,
        hintTerm: hint.term,
      });
    }
    this.log.merge(entries);
    const last = prevIndex + entries.length;
    this.log.commitTo(Math.min(message.commit, last));
    this.#send(this.#appendResponse(message.from, last));
  }

  #onAppendResponse(message: AppendResponse): void {
    const progress = this.progress.get(message.from);
    if (this.role !== "leader" || !progress) return;
    progress.recentlyActive = true;
    if (message.rejected) {
      const hint = this.log.findConflict(message.hintIndex, message.hintTerm);
      if (!progress.maybeDecrease(message.index, hint.index)) return;
      if (progress.state === "replicate") progress.becomeProbe();
      return this.#sendAppend(message.from, progress);
    }
    const isNew = progress.maybeUpdate(message.index);
    if (!isNew && progress.state !== "probe") return this.#sendAppends(message.from, progress);
    if (progress.state === "probe") progress.becomeReplicate();
    else if (progress.state === "snapshot" && progress.match >= this.log.firstIndex - 1) {
      progress.becomeReplicate();
    }
    this.#maybeCommit();
    this.#sendAppends(message.from, progress);
    if (this.#transferTarget === message.from && progress.match === this.log.lastIndex) {
      this.#sendTimeoutNow(message.from);
    }
  }

  #maybeCommit(): void {
    const matches = [this.log.stable, ...[...this.progress.values()].map(({ match }) => match)];
    const index = quorumIndex(matches);
    // Only entries of our own term are counted; those before come with them (§5.4.2).
    if (index <= this.log.committed || this.log.termAt(index) !== this.term) return;
    const newly = this.log.range(this.log.committed, index);
    const bytes = newly.reduce((sum, { data }) => sum + data.length, 0);
    this.#uncommittedBytes = Math.max(0, this.#uncommittedBytes - bytes);
    this.log.commitTo(index);
    this.flushReads();
  }

  #announceCommit(to: NodeId, progress: Progress): void {
    const commit = this.log.committed;
    if (progress.state !== "replicate" || progress.sentCommit >= commit) return;
    const index = progress.next - 1;
    const logTerm = this.log.termAt(index);
    if (logTerm === undefined) return;
    progress.sentCommit = commit;
    this.#send({ from: this.id, to, term: this.term, kind: "commit", index, logTerm, commit });
  }

  // ── Heartbeats and reads (thesis §6.4) ───────────────────────────────────────────────────────

  #broadcastHeartbeat(): void {
    for (const [to, { match }] of this.progress) {
      const commit = Math.min(match, this.log.committed);
      this.#send({
        from: this.id,
        to,
        term: this.term,
        kind: "heartbeat",
        commit,
        round: this.#reads.openRound,
      });
    }
  }

  #onHeartbeatResponse(from: NodeId, round: number): void {
    const progress = this.progress.get(from);
    if (this.role !== "leader" || !progress) return;
    progress.recentlyActive = true;
    progress.resume();
    if (progress.match < this.log.lastIndex || progress.state === "probe") {
      this.#sendAppend(from, progress);
    }
    if (round > 0) this.#confirmReads(from, round);
  }

  #queueRead(read: PendingRead): void {
    if (this.#reads.add(read)) return;
    if (read.from === undefined)
      throw new ReadIndexRefusedError("too many reads wait for their index");
  }

  #confirmReads(from: NodeId, round: number): void {
    const majority = majorityOf(this.config.voters.length);
    for (const read of this.#reads.acknowledge(from, round, (acks) => acks.size >= majority)) {
      if (read.from === undefined) this.readAnswers.push(read);
      else {
        const { context, index } = read;
        const { id: from, term } = this;
        this.#send({ kind: "read-index-response", from, to: read.from, term, context, index });
      }
    }
  }

  /** Before that its commit index may be behind what former leaders acknowledged. */
  #hasCommittedInTerm(): boolean {
    return this.log.termAt(this.log.committed) === this.term;
  }

  // ── Sending ──────────────────────────────────────────────────────────────────────────────────

  #sendTimeoutNow(to: NodeId): void {
    this.#send({ from: this.id, to, term: this.term, kind: "timeout-now" });
  }

  #appendResponse(to: NodeId, index: LogIndex): AppendResponse {
    return {
      from: this.id,
      to,
      term: this.term,
      kind: "append-response",
      index,
      rejected: false,
      hintIndex: 0,
      hintTerm: 0,
    };
  }

  #send(message: Message): void {
    this.outbox.push(message);
  }
}
