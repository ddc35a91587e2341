/**
 * A running member of a raft group: one loop that feeds the pure core and does what it asks for, in
 * the order that core/ready.ts gives. Everything that happens in one turn of the event loop goes
 * into one pass; while the disk works, proposals collect for the next batch (group commit).
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
import {
  assert,
  type Clock,
  errorText,
  type Logger,
  type Random,
  TaskGroup,
  type Timer,
} from "@sagong/base";
import { ProposalRefusedError, ReadIndexRefusedError } from "../core/errors.js";
import type { Message, SnapshotNeeded } from "../core/message.js";
import { RAFT_DEFAULTS, type RaftConfig } from "../core/config.js";
import { RawNode } from "../core/raw-node.js";
import type { Ready } from "../core/ready.js";
import type { Entry, HardState, LogIndex, NodeId, SnapshotMetadata } from "../core/types.js";
import type { LogStorage } from "../storage/log-storage.js";
import type { IncomingSnapshot, Transport } from "../transport/transport.js";
import type { RaftNode, RaftStatus } from "./raft-node.js";
import { ReadWaiters } from "./read-waiters.js";
import { ImageRefusedError, type StateMachine } from "./state-machine.js";

export interface RaftNodeOptions {
  readonly nodeId: NodeId;
  readonly voters: readonly NodeId[];
  /** Milliseconds of one tick, and between heartbeats. */
  readonly heartbeatMs: number;
  readonly electionMs: number;
  /** Applied entries between two compactions of the log. */
  readonly snapshotCount: number;
  /** Entries kept behind a compaction, for followers that are a little behind. */
  readonly catchUpEntries: number;
}

export interface RaftNodeDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly storage: LogStorage;
  readonly transport: Transport;
  readonly stateMachine: StateMachine;
  /** Runs a callback in the next turn of the event loop: setImmediate, or a simulation's own. */
  readonly defer: (callback: () => void) => void;
  /**
   * Runs a callback when what is under way in this turn is done, before the loop turns: where
   * there is a `process`, its nextTick. What it sends leaves in this turn then. `defer` if left out.
   */
  readonly afterCurrent?: (callback: () => void) => void;
}

/** A paused process must not see an election's worth of ticks in one burst. */
const MAX_TICKS_AT_ONCE = 2;
/** Proposals that wait for the loop; more are refused. */
const MAX_WAITING_PROPOSALS = 100_000;
/** So few proposals and entries under way are no batch worth waiting for. */
const FEW_ENTRIES = 16;

export async function startRaftNode(
  options: RaftNodeOptions,
  dependencies: RaftNodeDependencies,
): Promise<RaftNode> {
  const node = new Node(options, dependencies);
  await node.recover();
  node.start();
  return node;
}

class Node implements RaftNode {
  readonly #options: RaftNodeOptions;
  readonly #dependencies: RaftNodeDependencies;
  readonly #tasks: TaskGroup;
  readonly #leaderListeners = new Set<(status: RaftStatus) => void>();
  readonly #fatalListeners = new Set<(error: unknown) => void>();
  readonly #reads: ReadWaiters;
  readonly #closing = new AbortController();
  #raw: RawNode;
  #proposals: Uint8Array[] = [];
  /** Taken from the core, in order, and not yet in the state machine. */
  #committed: readonly Entry[] = [];
  #deferred = false;
  #isAwake = false;
  #applyDeferred = false;
  #persisting = false;
  #installing = false;
  #compacting = false;
  #ticker: Timer | undefined;
  #lastTickMs = 0;
  #compactedAt: LogIndex;
  #seen: { leader: NodeId | undefined; term: number } = { leader: undefined, term: 0 };
  #stopped = false;

  constructor(options: RaftNodeOptions, dependencies: RaftNodeDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#tasks = new TaskGroup((error) => this.#fatal(error));
    this.#reads = new ReadWaiters(dependencies.random);
    const { stored } = dependencies.storage;
    this.#raw = new RawNode(this.#config(), {
      ...stored,
      applied: Math.max(stored.snapshot.index, 0),
    });
    this.#compactedAt = stored.snapshot.index;
  }

  /** Brings log and state machine together as a crash may have left them. */
  async recover(): Promise<void> {
    const { storage, stateMachine } = this.#dependencies;
    const { stored } = storage;
    const applied = stateMachine.appliedIndex;
    const { snapshot: mark, entries } = stored;
    let log = stored;
    if (
      applied > mark.index &&
      entries[applied - mark.index - 1]?.term !== stateMachine.appliedTerm
    ) {
      // An image was installed, and the crash came before the log learnt of it (§7). What the log
      // has beside it, if anything, is of another history.
      const confState = { voters: this.#options.voters };
      const snapshot = { index: applied, term: stateMachine.appliedTerm, confState };
      await stateMachine.flush();
      await storage.reset(snapshot);
      log = { hardState: stored.hardState, snapshot, entries: [] };
    }
    assert(
      applied >= log.snapshot.index,
      `the log begins after ${log.snapshot.index} but the state machine has only applied ${applied}`,
    );
    this.#raw = new RawNode(this.#config(), { ...log, applied });
    this.#compactedAt = log.snapshot.index;
  }

  start(): void {
    const { transport, clock } = this.#dependencies;
    transport.start({
      receive: (message) => this.#receive(message),
      receiveSnapshot: (snapshot) => this.#receiveSnapshot(snapshot),
      unreachable: (peer) => {
        this.#raw.raft.reportUnreachable(peer);
      },
      // To those who wait for a leader that can be reached, this is one.
      reachable: (peer) => {
        if (peer === this.#seen.leader) this.#tellLeader();
      },
    });
    this.#lastTickMs = clock.monotonicMs();
    this.#scheduleTick();
    // Alone there is nobody to wait for.
    if (this.#options.voters.length === 1) this.#raw.raft.campaign();
    this.#wake();
  }

  propose(data: Uint8Array): void {
    if (this.#stopped) throw new ProposalRefusedError("closed", "this member is closed");
    const { leader } = this.#raw.raft;
    if (leader === undefined) {
      throw new ProposalRefusedError("no-leader", "there is no leader to propose to");
    }
    if (leader !== this.#options.nodeId && !this.#dependencies.transport.isReachable(leader)) {
      throw new ProposalRefusedError("no-leader", "the leader cannot be reached");
    }
    if (this.#proposals.length >= MAX_WAITING_PROPOSALS) {
      throw new ProposalRefusedError("too-much-uncommitted", "too many proposals wait");
    }
    this.#proposals.push(data);
    this.#wakeSoon();
  }

  readIndex(): Promise<LogIndex> {
    if (this.#stopped) return Promise.reject(new ReadIndexRefusedError("this member is closed"));
    this.#wakeSoon();
    return this.#reads.wait();
  }

  async transferLeadership(target: NodeId): Promise<void> {
    const { clock } = this.#dependencies;
    this.#raw.raft.transferLeadership(target);
    this.#wake();
    await new Promise<void>((resolve, reject) => {
      const timer = clock.schedule(this.#options.electionMs, () => {
        stop();
        reject(
          new Error(
            `Cannot transfer leadership to ${target.toString(16)}: it did not take over in ${this.#options.electionMs} ms`,
          ),
        );
      });
      const stop = this.onLeaderChange(({ leaderId }) => {
        if (leaderId !== target) return;
        stop();
        timer.cancel();
        resolve();
      });
    });
  }

  status(): RaftStatus {
    const { role, term, leader, committed, lastIndex } = this.#raw.status;
    return {
      nodeId: this.#options.nodeId,
      role,
      term,
      leaderId: leader,
      commitIndex: committed,
      appliedIndex: this.#dependencies.stateMachine.appliedIndex,
      lastIndex,
    };
  }

  onLeaderChange(listener: (status: RaftStatus) => void): () => void {
    this.#leaderListeners.add(listener);
    return () => this.#leaderListeners.delete(listener);
  }

  onFatal(listener: (error: unknown) => void): () => void {
    this.#fatalListeners.add(listener);
    return () => this.#fatalListeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#stop(new Error("this member is closed"));
    await this.#dependencies.transport.close();
    await this.#tasks.settled();
    await this.#dependencies.storage.close();
  }

  // ── The loop ─────────────────────────────────────────────────────────────────────────────────

  #wake(): void {
    if (this.#deferred || this.#stopped) return;
    this.#deferred = true;
    this.#dependencies.defer(() => {
      this.#deferred = false;
      this.#guard(() => this.#pass());
    });
  }

  /**
   * For what came from outside: a lone request does not wait for the loop to turn; many do, since
   * more of them will be in the batch then. The loop's own work uses `#wake` and never starves I/O.
   */
  #wakeSoon(): void {
    const { afterCurrent } = this.#dependencies;
    const { lastIndex, committed } = this.#raw.raft.log;
    const underWay = this.#proposals.length + lastIndex - committed;
    if (afterCurrent === undefined || underWay > FEW_ENTRIES) return this.#wake();
    if (this.#isAwake || this.#stopped) return;
    this.#isAwake = true;
    afterCurrent(() => {
      this.#isAwake = false;
      this.#guard(() => this.#pass());
    });
  }

  /** One turn: feed what collected, send what may go, start the disk where it is idle, apply. */
  #pass(): void {
    if (this.#stopped) return;
    this.#reads.ask((context) => this.#raw.readIndex(context));
    if (!this.#persisting) this.#feedProposals();
    let isBusy = this.#dispatch(this.#raw.takeMessages());
    this.#reads.answer(this.#raw.takeReads());
    if (!this.#installing) {
      if (!this.#persisting && this.#raw.hasReady) {
        isBusy = this.#carryOut(this.#raw.ready()) || isBusy;
      }
      this.#keepCommitted(this.#raw.takeCommitted());
    }
    this.#noticeLeader();
    // What was just handed to network and disk leaves at the end of this turn: apply in the next.
    if (isBusy && this.#committed.length > FEW_ENTRIES) this.#applySoon();
    else this.#applyCommitted();
    this.#maybeCompact();
  }

  /** True where network or disk were given something to do. */
  #carryOut(ready: Ready): boolean {
    let isBusy = this.#dispatch(ready.messages);
    this.#keepCommitted(ready.committed);
    this.#reads.answer(ready.reads);
    const { hardState, entries, afterPersist } = ready;
    if (!ready.mustSync) {
      // A commit index alone is found again from the peers: it rides with the next batch.
      isBusy = this.#dispatch(afterPersist) || isBusy;
      this.#raw.advance();
      if (this.#raw.hasReady) this.#wake();
      return isBusy;
    }
    this.#persisting = true;
    this.#tasks.run("persist", async () => {
      await this.#dependencies.storage.append({
        hardState: hardState ?? this.#hardState(),
        entries,
      });
      this.#persisting = false;
      if (this.#stopped) return;
      this.#dispatch(afterPersist);
      this.#raw.advance();
      this.#guard(() => this.#pass());
    });
    return true;
  }

  #feedProposals(): void {
    if (this.#proposals.length === 0) return;
    const data = this.#proposals;
    this.#proposals = [];
    try {
      this.#raw.propose(data);
    } catch (error) {
      // Whoever proposed waits with a time limit; a refusal now is as good as a loss on the way.
      if (!(error instanceof ProposalRefusedError)) throw error;
      this.#dependencies.logger.debug("proposals dropped", {
        count: data.length,
        reason: error.reason,
      });
    }
  }

  /** True where anything was sent. */
  #dispatch(messages: readonly Message[]): boolean {
    if (messages.length === 0) return false;
    const outgoing: Message[] = [];
    for (const message of messages) {
      if (message.kind === "snapshot") this.#sendSnapshot(message);
      else outgoing.push(message);
    }
    if (outgoing.length > 0) this.#dependencies.transport.send(outgoing);
    return true;
  }

  #keepCommitted(entries: readonly Entry[]): void {
    if (this.#committed.length === 0) this.#committed = entries;
    else if (entries.length > 0) this.#committed = [...this.#committed, ...entries];
  }

  #applySoon(): void {
    if (this.#committed.length === 0 || this.#applyDeferred) return;
    this.#applyDeferred = true;
    this.#dependencies.defer(() => {
      this.#applyDeferred = false;
      if (!this.#stopped) this.#guard(() => this.#applyCommitted());
    });
  }

  #applyCommitted(): void {
    if (this.#committed.length === 0) return;
    const entries = this.#committed;
    this.#committed = [];
    this.#dependencies.stateMachine.apply(entries);
  }

  #receive(message: Message): void {
    if (this.#stopped || this.#installing) return;
    this.#guard(() => this.#raw.step(message));
    this.#wakeSoon();
  }

  #noticeLeader(): void {
    const { leader, term } = this.#raw.status;
    if (leader === this.#seen.leader && term === this.#seen.term) return;
    const lost = leader !== this.#seen.leader;
    this.#seen = { leader, term };
    if (lost) this.#reads.refuseAsked(new ReadIndexRefusedError("the leader changed"));
    this.#dependencies.logger.info("leader changed", {
      leader: leader?.toString(16),
      term,
      role: this.status().role,
    });
    this.#tellLeader();
  }

  #tellLeader(): void {
    const status = this.status();
    for (const listener of this.#leaderListeners) listener(status);
  }

  #scheduleTick(): void {
    const { clock } = this.#dependencies;
    const { heartbeatMs } = this.#options;
    this.#ticker = clock.schedule(heartbeatMs, () => {
      const nowMs = clock.monotonicMs();
      const due = Math.floor((nowMs - this.#lastTickMs) / heartbeatMs);
      const ticks = Math.max(1, Math.min(due, MAX_TICKS_AT_ONCE));
      this.#lastTickMs = nowMs;
      this.#guard(() => {
        for (let i = 0; i < ticks; i++) this.#raw.tick();
      });
      this.#wake();
      if (!this.#stopped) this.#scheduleTick();
    });
  }

  // ── Compaction and images (§7) ───────────────────────────────────────────────────────────────

  #maybeCompact(): void {
    const { snapshotCount, catchUpEntries } = this.#options;
    const { applied } = this.#raw.status;
    if (this.#compacting || applied - this.#compactedAt < snapshotCount + catchUpEntries) return;
    this.#compacting = true;
    this.#tasks.run("compact", async () => {
      const durable = await this.#dependencies.stateMachine.flush();
      await this.#exclusively(async () => {
        const index = Math.min(durable, this.#raw.status.applied) - catchUpEntries;
        const term = this.#raw.raft.log.termAt(index);
        if (term === undefined || index <= this.#compactedAt) return;
        const snapshot = { index, term, confState: { voters: this.#options.voters } };
        await this.#dependencies.storage.compact(snapshot);
        this.#raw.raft.log.compact(index);
        this.#compactedAt = index;
      });
      this.#compacting = false;
    });
  }

  /** Uses the log storage between two batches: its calls must not overlap. */
  async #exclusively(action: () => Promise<void>): Promise<void> {
    // Nothing may be awaited between the last look and taking the disk.
    while (this.#isDiskBusy) await this.#nextTurn();
    if (this.#stopped) return;
    this.#persisting = true;
    try {
      await action();
    } finally {
      this.#persisting = false;
    }
    this.#wake();
  }

  /** False once the member stops: a batch that failed would be under way for ever. */
  get #isDiskBusy(): boolean {
    return this.#persisting && !this.#stopped;
  }

  #nextTurn(): Promise<void> {
    return new Promise((resolve) => this.#dependencies.defer(resolve));
  }

  /** In the term in which it was found necessary: by now this member may lead no more. */
  #sendSnapshot({ to, term }: SnapshotNeeded): void {
    const { stateMachine, transport, logger } = this.#dependencies;
    this.#tasks.run("send-snapshot", async () => {
      let sent = false;
      try {
        const image = await stateMachine.openSnapshot();
        const metadata: SnapshotMetadata = {
          index: image.index,
          term: image.term,
          confState: { voters: this.#options.voters },
        };
        const progress = this.#raw.raft.progress.get(to);
        if (progress?.state === "snapshot") progress.pendingSnapshot = image.index;
        logger.info("sending an image to a peer", { peer: to.toString(16), index: image.index });
        const envelope = { from: this.#options.nodeId, to, term, metadata };
        try {
          await transport.sendSnapshot({ ...envelope, chunks: image.chunks }, this.#closing.signal);
          sent = true;
        } finally {
          await image.close();
        }
      } catch (error) {
        logger.warn("an image did not reach its peer", {
          peer: to.toString(16),
          error: errorText(error),
        });
      }
      this.#raw.raft.reportSnapshot(to, sent);
      this.#wake();
    });
  }

  /** Installs an image and starts the core anew behind it. One at a time; others are refused. */
  async #receiveSnapshot(snapshot: IncomingSnapshot): Promise<void> {
    const { stateMachine, storage, logger } = this.#dependencies;
    const { metadata, from, term } = snapshot;
    if (this.#installing || this.#stopped) throw new Error("another image is being installed");
    if (term < this.#raw.status.term) throw new Error(`the image is of the old term ${term}`);
    this.#guard(() =>
      this.#raw.step({ kind: "snapshot", from, to: this.#options.nodeId, term, metadata }),
    );
    if (!this.#raw.needsImage(metadata)) {
      // The leader has missed our answers; this one tells it where to go on.
      this.#raw.restored(metadata, from);
      return this.#wake();
    }
    // Applies stop from here on; the disk finishes its batch first.
    this.#guard(() => this.#applyCommitted());
    this.#installing = true;
    try {
      while (this.#isDiskBusy) await this.#nextTurn();
      logger.info("installing an image", { index: metadata.index, from: from.toString(16) });
      await stateMachine.installSnapshot(metadata, snapshot.chunks);
      await this.#exclusively(async () => {
        await storage.reset(metadata);
        this.#raw.restored(metadata, from);
        this.#compactedAt = metadata.index;
      });
    } catch (error) {
      // Log and state machine may tell of different histories now: only a restart brings them together.
      if (!(error instanceof ImageRefusedError)) this.#fatal(error);
      throw error;
    } finally {
      this.#installing = false;
      this.#wake();
    }
  }

  // ── Ends ─────────────────────────────────────────────────────────────────────────────────────

  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#fatal(error);
    }
  }

  #fatal(error: unknown): void {
    if (this.#stopped) return;
    this.#dependencies.logger.error("member stops itself", { error: errorText(error) });
    this.#stop(error);
    for (const listener of this.#fatalListeners) listener(error);
  }

  #stop(error: unknown): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#ticker?.cancel();
    this.#closing.abort(error);
    this.#reads.refuseAll(new ReadIndexRefusedError("this member is closed", { cause: error }));
    this.#proposals = [];
  }

  #hardState(): HardState {
    const { term, vote, log } = this.#raw.raft;
    return { term, vote, commit: log.committed };
  }

  #config(): RaftConfig {
    const { nodeId, voters, heartbeatMs, electionMs } = this.#options;
    const electionTicks = Math.max(2, Math.round(electionMs / heartbeatMs));
    return { ...RAFT_DEFAULTS, nodeId, voters, electionTicks, random: this.#dependencies.random };
  }
}
