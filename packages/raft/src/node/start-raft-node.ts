/**
 * A running member of a raft group: one loop that feeds the pure core and does what it asks for, in
 * the order that core/ready.ts gives. Everything that happens in one turn of the event loop goes
 * into one pass; while the disk works, proposals collect for the next batch (group commit), and a
 * batch is an entry: what a turn proposed is encoded, sent, checksummed and written as one.
 *
 * The only await point of the loop is the log's append. Messages, ticks, reads and the application
 * of what is committed are handled beside it; what they promise about the disk waits for the next
 * append. The order within a pass keeps network and disk busy while this thread computes:
 *
 *   pass        send appends ─▶ begin to write ─▶ end of turn: both are on their way
 *   next turn   apply what was committed ─▶ answer ─▶ pass
 *
 * Owns: the log storage, the transport, the clock's ticks. Drives but does not own: the state
 * machine.
 */
import { errorText, TaskGroup, type Timer } from "@sagong/base";
import { ProposalRefusedError, ReadIndexRefusedError } from "../core/errors.js";
import type { Message, Propose } from "../core/message.js";
import { ProposalQueue } from "../core/proposals.js";
import { RawNode, type RestoredState } from "../core/raw-node.js";
import type { Ready } from "../core/ready.js";
import type { HardState, LogIndex, NodeId } from "../core/types.js";
import { CommitNotices } from "./commit-notices.js";
import { HeldEntries } from "./held-entries.js";
import { ImageTraffic } from "./image-traffic.js";
import { LeaderWatch } from "./leader-watch.js";
import { LogCompaction } from "./log-compaction.js";
import { LogDisk } from "./log-disk.js";
import type { MemberHost } from "./member-host.js";
import { PendingApplies } from "./pending-applies.js";
import {
  raftConfig,
  type RaftNodeDependencies,
  type RaftNodeOptions,
} from "./raft-node-options.js";
import type { RaftNode, RaftStatus } from "./raft-node.js";
import type { RaftView } from "./raft-view.js";
import { ReadWaiters } from "./read-waiters.js";
import { recoverLog } from "./recover-log.js";
import { Turns } from "./turns.js";

/** A paused process must not see an election's worth of ticks in one burst. */
const MAX_TICKS_AT_ONCE = 2;
/** Bytes of proposals that wait for the disk, a leader or its followers; more are refused. */
const WAITING_BYTES_MAX = 67_108_864;
/** So little under way (a dozen small requests) is no batch worth waiting for, in bytes. */
const LITTLE_BYTES = 4_096;

export async function startRaftNode(
  options: RaftNodeOptions,
  dependencies: RaftNodeDependencies,
): Promise<RaftNode> {
  const node = new Node(options, dependencies, await recoverLog(options, dependencies));
  node.start();
  return node;
}

class Node implements RaftNode, MemberHost {
  readonly options: RaftNodeOptions;
  readonly dependencies: RaftNodeDependencies;
  readonly raw: RawNode;
  readonly disk: LogDisk;
  readonly applies: PendingApplies;
  readonly tasks: TaskGroup;
  readonly #turns: Turns;
  readonly #notices: CommitNotices;
  readonly #held: HeldEntries;
  readonly #images: ImageTraffic;
  readonly #compaction: LogCompaction;
  readonly #leaderWatch = new LeaderWatch();
  readonly #fatalListeners = new Set<(error: unknown) => void>();
  readonly #reads: ReadWaiters;
  readonly #proposals = new ProposalQueue();
  readonly #closing = new AbortController();
  #ticker: Timer | undefined;
  #lastTickMs = 0;
  #isStopped = false;

  constructor(
    options: RaftNodeOptions,
    dependencies: RaftNodeDependencies,
    restored: RestoredState,
  ) {
    const { stateMachine, random, defer, clock } = dependencies;
    const pass = (): void => this.guard(() => this.#pass());
    this.options = options;
    this.dependencies = dependencies;
    this.tasks = new TaskGroup((error) => this.fatal(error));
    this.raw = new RawNode(raftConfig(options, random), restored);
    this.disk = new LogDisk(dependencies);
    this.applies = new PendingApplies(stateMachine, defer, () => this.#applyInTurn());
    this.#turns = new Turns(dependencies, pass);
    this.#notices = new CommitNotices(clock, pass);
    const { heldMs } = this.raw.raft.config.sparing;
    this.#held = new HeldEntries(clock, heldMs, () => this.#releaseHeld());
    this.#images = new ImageTraffic(this);
    this.#compaction = new LogCompaction(this);
    this.#reads = new ReadWaiters(random);
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  start(): void {
    const { transport, clock } = this.dependencies;
    transport.start({
      receive: (message) => this.#receive(message),
      receiveSnapshot: (snapshot) => this.#images.receive(snapshot),
      unreachable: (peer) => this.raw.raft.reportUnreachable(peer),
      // To those who wait for a leader that can be reached, this is one.
      reachable: (peer) => {
        if (peer === this.#leaderWatch.leader) this.#leaderWatch.tell(this.status());
      },
    });
    this.#lastTickMs = clock.monotonicMs();
    this.#scheduleTick();
    // Alone there is nobody to wait for.
    if (this.options.voters.length === 1) this.raw.raft.campaign();
    this.wake();
  }

  propose(data: Uint8Array): void {
    if (this.#isStopped) throw new ProposalRefusedError("closed", "this member is closed");
    const { leader } = this.raw.raft;
    if (leader === undefined) {
      throw new ProposalRefusedError("no-leader", "there is no leader to propose to");
    }
    if (leader !== this.options.nodeId && !this.dependencies.transport.isReachable(leader)) {
      throw new ProposalRefusedError("no-leader", "the leader cannot be reached");
    }
    if (this.#proposals.bytes + data.length > WAITING_BYTES_MAX) {
      throw new ProposalRefusedError("too-much-uncommitted", "too many bytes of proposals wait");
    }
    this.#proposals.add(data);
    this.#wakeSoon();
  }

  readIndex(): Promise<LogIndex> {
    if (this.#isStopped) return Promise.reject(new ReadIndexRefusedError("this member is closed"));
    this.#wakeSoon();
    return this.#reads.wait();
  }

  async transferLeadership(target: NodeId): Promise<void> {
    this.raw.raft.transferLeadership(target);
    this.wake();
    const { clock } = this.dependencies;
    await this.#leaderWatch.until(target, { clock, timeoutMs: this.options.electionMs });
  }

  inspect(): RaftView {
    return this.raw.raft;
  }

  status(): RaftStatus {
    const { role, term, leader, log } = this.raw.raft;
    return {
      nodeId: this.options.nodeId,
      role,
      term,
      leaderId: leader,
      commitIndex: log.committed,
      appliedIndex: this.dependencies.stateMachine.appliedIndex,
      lastIndex: log.lastIndex,
    };
  }

  onLeaderChange(listener: (status: RaftStatus) => void): () => void {
    return this.#leaderWatch.add(listener);
  }

  onFatal(listener: (error: unknown) => void): () => void {
    this.#fatalListeners.add(listener);
    return () => this.#fatalListeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#stop(new Error("this member is closed"));
    await this.dependencies.transport.close();
    await this.tasks.settled();
    await this.dependencies.storage.close();
  }

  // ── The loop ─────────────────────────────────────────────────────────────────────────────────

  wake(): void {
    if (!this.#isStopped) this.#turns.next();
  }

  #wakeSoon(): void {
    if (this.#isStopped) return;
    const { log } = this.raw.raft;
    const underWay = this.#proposals.bytes + log.bytesIn(log.committed, log.lastIndex);
    this.#turns.soon({ isMuch: underWay > LITTLE_BYTES });
  }

  /** One turn: feed what collected, send what may go, start the disk where it is idle, apply. */
  #pass(): void {
    if (this.#isStopped) return;
    this.#reads.ask((context) => this.raw.readIndex(context));
    this.raw.holdsCommit = this.#notices.areHeld;
    this.#feedProposals();
    let isBusy = this.#dispatch(this.raw.takeMessages());
    this.#reads.answer(this.raw.takeReads());
    if (!this.#images.isInstalling) {
      if (!this.disk.isBusy && this.raw.hasReady) {
        isBusy = this.#carryOut(this.raw.ready()) || isBusy;
      }
      this.applies.add(this.raw.takeCommitted());
    }
    this.#notices.turned(this.raw.raft.hasUntoldCommit);
    this.#held.turned(this.raw.raft.hasHeldEntries);
    this.#noticeLeader();
    // What was just handed to network and disk leaves at the end of this turn: apply in the next.
    if (isBusy && this.applies.bytes > LITTLE_BYTES) this.applies.soon();
    else this.applies.now();
    this.#compaction.maybe();
  }

  #releaseHeld(): void {
    this.guard(() => {
      this.raw.raft.releaseHeldEntries();
      this.#pass();
    });
  }

  /** True where network or disk were given something to do. */
  #carryOut(ready: Ready): boolean {
    let isBusy = this.#dispatch(ready.messages);
    this.applies.add(ready.committed);
    this.#reads.answer(ready.reads);
    const { hardState, entries, afterPersist } = ready;
    if (!ready.mustSync) {
      // A commit index alone is found again from the peers: it rides with the next batch.
      isBusy = this.#dispatch(afterPersist) || isBusy;
      this.raw.advance();
      if (this.raw.hasReady) this.wake();
      return isBusy;
    }
    this.tasks.run("persist", async () => {
      await this.disk.write({ hardState: hardState ?? this.#hardState(), entries });
      if (this.#isStopped) return;
      this.#dispatch(afterPersist);
      this.raw.advance();
      this.guard(() => this.#pass());
    });
    return true;
  }

  /**
   * A leader's own wait while its disk writes: they are the next batch. A follower's leave at once,
   * all of a turn in one message. What cannot go now (a transfer, followers far behind) waits.
   */
  #feedProposals(): void {
    const { raft } = this.raw;
    const { bytes } = this.#proposals;
    if (bytes === 0 || (raft.role === "leader" && this.disk.isBusy)) return;
    if (raft.refusalOf(bytes) === undefined) this.raw.propose(this.#proposals.take());
  }

  /** True where anything was sent. */
  #dispatch(messages: readonly Message[]): boolean {
    if (messages.length === 0) return false;
    let outgoing = messages;
    if (messages.some(({ kind }) => kind === "snapshot")) {
      outgoing = messages.filter(({ kind }) => kind !== "snapshot");
      for (const message of messages) if (message.kind === "snapshot") this.#images.send(message);
    }
    if (outgoing.length > 0) this.dependencies.transport.send(outgoing);
    return true;
  }

  #applyInTurn(): void {
    if (!this.#isStopped) this.guard(() => this.applies.now());
  }

  #receive(message: Message): void {
    if (this.#isStopped || this.#images.isInstalling) return;
    this.guard(() => {
      const { role, term } = this.raw.raft;
      const isForUs = message.kind === "propose" && role === "leader" && message.term === term;
      if (isForUs) return this.#join(message);
      if (message.kind === "heartbeat") this.raw.raft.isIdle = this.#isIdle;
      this.raw.step(message);
    });
    this.#wakeSoon();
  }

  get #isIdle(): boolean {
    return this.dependencies.isIdle?.() ?? false;
  }

  /** What a follower forwards goes into the next batch with what is proposed here. */
  #join({ from, data }: Propose): void {
    const { logger } = this.dependencies;
    this.#notices.forwarded();
    this.raw.raft.hasClients(from);
    for (const batch of data) {
      // Lost then: whoever proposed it waits with a time limit.
      if (this.#proposals.bytes + batch.length > WAITING_BYTES_MAX) {
        logger.debug("forwarded proposals dropped", { from: from.toString(16) });
        continue;
      }
      try {
        this.#proposals.addBatch(batch);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        // In the log it would stop every member.
        logger.warn("a peer forwarded what is no batch of proposals", {
          from: from.toString(16),
          error: errorText(error),
        });
      }
    }
  }

  #noticeLeader(): void {
    const { leader, term } = this.raw.raft;
    const change = this.#leaderWatch.notice(leader, term);
    if (change === "nothing") return;
    if (change === "leader") {
      this.#reads.refuseAsked(new ReadIndexRefusedError("the leader changed"));
    }
    const status = this.status();
    this.dependencies.logger.info("leader changed", {
      leader: leader?.toString(16),
      term,
      role: status.role,
    });
    this.#leaderWatch.tell(status);
  }

  #scheduleTick(): void {
    const { clock } = this.dependencies;
    const { heartbeatMs } = this.options;
    this.#ticker = clock.schedule(heartbeatMs, () => {
      const nowMs = clock.monotonicMs();
      const due = Math.floor((nowMs - this.#lastTickMs) / heartbeatMs);
      const ticks = Math.max(1, Math.min(due, MAX_TICKS_AT_ONCE));
      this.#lastTickMs = nowMs;
      this.guard(() => {
        for (let i = 0; i < ticks; i++) this.raw.tick();
        this.#pass();
      });
      if (!this.#isStopped) this.#scheduleTick();
    });
  }

  #hardState(): HardState {
    const { term, vote, log } = this.raw.raft;
    return { term, vote, commit: log.committed };
  }

  // ── Ends ─────────────────────────────────────────────────────────────────────────────────────

  guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.fatal(error);
    }
  }

  fatal(error: unknown): void {
    if (this.#isStopped) return;
    this.dependencies.logger.error("member stops itself", { error: errorText(error) });
    this.#stop(error);
    for (const listener of this.#fatalListeners) listener(error);
  }

  #stop(error: unknown): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.disk.stop();
    this.#ticker?.cancel();
    this.#notices.stop();
    this.#held.stop();
    this.#closing.abort(error);
    this.#reads.refuseAll(new ReadIndexRefusedError("this member is closed", { cause: error }));
    this.#proposals.clear();
    this.applies.clear();
  }
}
