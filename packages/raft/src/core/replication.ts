/**
 * What a leader does for its followers' logs: appends, as many as each one's window has room for,
 * what is known of them, and what a majority has (Raft §5.3, §5.4.2). Owns the followers' progress;
 * it begins and ends with the leadership.
 */
import type { RaftConfig } from "./config.js";
import type { RaftLog } from "./log.js";
import type { AppendResponse, Message } from "./message.js";
import { Progress } from "./progress.js";
import { majorityOf, quorumIndex } from "./quorum.js";
import { chooseSpared } from "./sparing.js";
import type { LogIndex, NodeId, Term } from "./types.js";

/** The member that leads. */
export interface Leader {
  readonly id: NodeId;
  readonly term: Term;
  readonly config: RaftConfig;
  readonly log: RaftLog;
  readonly peers: readonly NodeId[];
  send(message: Message): void;
}

export class Replication {
  readonly progress: Map<NodeId, Progress> = new Map();
  readonly #leader: Leader;
  /** Since the last tick. */
  #appends = 0;

  constructor(leader: Leader) {
    this.#leader = leader;
  }

  begin(): void {
    const { config, log, peers } = this.#leader;
    const limits = { messages: config.maxInflightMessages, bytes: config.maxInflightBytes };
    for (const peer of peers) {
      const progress = new Progress(log.lastIndex + 1, limits);
      progress.recentlyActive = true; // Until the first check, not knowing is no reason to resign.
      this.progress.set(peer, progress);
    }
  }

  end(): void {
    this.progress.clear();
  }

  broadcast(): void {
    this.#appends++;
    for (const [to, progress] of this.progress) this.#sendAll(to, progress);
  }

  // ── Followers that are told late (sparing.ts) ─────────────────────────────────────────────────

  /** Once a tick: chooses anew, and sends to those that are not spared any more. */
  tick(): void {
    const isBusy = this.#appends >= this.#leader.config.sparing.appendsATick;
    this.#appends = 0;
    const before = [...this.progress].filter(([, { isSpared }]) => isSpared);
    chooseSpared(this.progress, isBusy);
    for (const [to, progress] of before) this.#sendAll(to, progress);
  }

  /** Whether entries wait that a spared follower could be sent. */
  get hasHeld(): boolean {
    for (const progress of this.progress.values()) if (this.#isHeld(progress)) return true;
    return false;
  }

  /** They have waited long enough. */
  releaseHeld(): void {
    for (const [to, progress] of this.progress)
      if (this.#isHeld(progress)) this.#release(to, progress);
  }

  /** Clients use that member: it is to be told at once, until it says that they are gone. */
  hasClients(id: NodeId): void {
    const progress = this.progress.get(id);
    if (!progress?.isIdle) return;
    progress.isIdle = progress.isSpared = false;
    this.#sendAll(id, progress);
  }

  #isHeld({ isSpared, next }: Progress): boolean {
    return isSpared && next <= this.#leader.log.lastIndex;
  }

  #release(to: NodeId, progress: Progress): void {
    progress.isSpared = false;
    this.#sendAll(to, progress);
    progress.isSpared = progress.state === "replicate";
  }

  /** Too much waits for a spared follower. */
  #isFull({ next }: Progress): boolean {
    const { log, config } = this.#leader;
    const { heldEntriesMax, heldBytesMax } = config.sparing;
    return (
      log.lastIndex - next + 1 >= heldEntriesMax ||
      log.bytesIn(next - 1, log.lastIndex) >= heldBytesMax
    );
  }

  /** One append to `to`, also an empty one: it asks how far that member is. */
  probe(to: NodeId): void {
    const progress = this.progress.get(to);
    if (progress) this.#sendOne(to, progress);
  }

  /** The progress where the answer said that the follower's log agrees with ours. */
  answered(message: AppendResponse): Progress | undefined {
    const { from } = message;
    const progress = this.progress.get(from);
    if (!progress) return undefined;
    const { log } = this.#leader;
    progress.recentlyActive = true;
    if (message.rejected) {
      const hint = log.findConflict(message.hintIndex, message.hintTerm);
      if (!progress.maybeDecrease(message.index, hint.index)) return undefined;
      if (progress.state === "replicate") progress.becomeProbe();
      this.#sendOne(from, progress);
      return undefined;
    }
    const isNew = progress.maybeUpdate(message.index);
    if (!isNew && progress.state !== "probe") {
      this.#sendAll(from, progress);
      return undefined;
    }
    if (progress.state === "probe") progress.becomeReplicate();
    else if (progress.state === "snapshot" && progress.match >= log.firstIndex - 1) {
      progress.becomeReplicate();
    }
    return progress;
  }

  /** What is new, as far as the window goes. */
  goOn(to: NodeId, progress: Progress): void {
    this.#sendAll(to, progress);
  }

  /** A heartbeat was answered: whatever was lost on the way there is sent again. */
  heard(from: NodeId, isIdle: boolean): void {
    const progress = this.progress.get(from);
    if (!progress) return;
    if (!isIdle) this.hasClients(from);
    progress.isIdle = isIdle;
    progress.recentlyActive = true;
    progress.resume();
    if (this.#isHeld(progress)) return;
    if (progress.match < this.#leader.log.lastIndex || progress.state === "probe") {
      this.#sendOne(from, progress);
    }
  }

  /** The highest index that may be committed by counting: that of a majority, in our own term. */
  committable(): LogIndex | undefined {
    const { log, term } = this.#leader;
    const matches = [log.stable];
    for (const { match } of this.progress.values()) matches.push(match);
    const index = quorumIndex(matches);
    // Only entries of our own term are counted; those before come with them (§5.4.2).
    return index > log.committed && log.termAt(index) === term ? index : undefined;
  }

  /** Whether a majority answered since the last time this was asked (thesis §6.2). */
  hasActiveQuorum(): boolean {
    let active = 1;
    for (const progress of this.progress.values()) {
      if (progress.recentlyActive) active++;
      progress.recentlyActive = false;
    }
    return active >= majorityOf(this.#leader.config.voters.length);
  }

  /** Whether a follower could be told of a commit that it was not told of yet. */
  get hasNews(): boolean {
    const { committed } = this.#leader.log;
    for (const progress of this.progress.values()) {
      const { state, sentCommit } = progress;
      if (state === "replicate" && sentCommit < committed && !this.#isHeld(progress)) return true;
    }
    return false;
  }

  /** Tells followers how far is committed, where no append has. */
  announceCommit(): void {
    const { id: from, term, log } = this.#leader;
    const commit = log.committed;
    for (const [to, progress] of this.progress) {
      if (progress.state !== "replicate" || progress.sentCommit >= commit) continue;
      if (this.#isHeld(progress)) continue; // What waits for it will carry it.
      const index = progress.next - 1;
      const logTerm = log.termAt(index);
      if (logTerm === undefined) continue;
      progress.sentCommit = commit;
      this.#leader.send({ from, to, term, kind: "commit", index, logTerm, commit });
    }
  }

  /** The owner has sent the follower an image, or has failed to. */
  reportSnapshot(to: NodeId, sent: boolean): void {
    const progress = this.progress.get(to);
    if (progress?.state !== "snapshot") return;
    if (!sent) progress.pendingSnapshot = 0;
    progress.becomeProbe();
    // Wait for the follower's next answer before sending: a failed peer is not to be flooded.
    progress.probing = true;
  }

  reportUnreachable(to: NodeId): void {
    const progress = this.progress.get(to);
    if (progress?.state === "replicate") progress.becomeProbe();
  }

  /** As many appends as the window has room for; none where there is nothing new. */
  #sendAll(to: NodeId, progress: Progress): void {
    if (progress.isSpared && !this.#isFull(progress)) return;
    while (!progress.isPaused && progress.next <= this.#leader.log.lastIndex) {
      this.#sendOne(to, progress);
    }
  }

  #sendOne(to: NodeId, progress: Progress): void {
    if (progress.isPaused) return;
    const { id: from, term, log, config } = this.#leader;
    const prevIndex = progress.next - 1;
    const prevTerm = log.termAt(prevIndex);
    if (prevTerm === undefined) {
      // What it needs is compacted: only an image helps (§7).
      progress.becomeSnapshot(log.snapshot.index);
      this.#leader.send({ kind: "snapshot", from, to, term, metadata: log.snapshot });
      return;
    }
    const entries = log.slice(progress.next, config.maxAppendBytes);
    const last = prevIndex + entries.length;
    if (entries.length > 0) progress.sent(last, log.bytesIn(prevIndex, last));
    else if (progress.state === "probe") progress.probing = true;
    const commit = log.committed;
    progress.sentCommit = commit;
    this.#leader.send({ kind: "append", from, to, term, prevIndex, prevTerm, entries, commit });
  }
}
