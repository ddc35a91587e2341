/**
 * Heartbeats, and the reads that they confirm (thesis §6.4): a read's index holds once a majority
 * has answered a heartbeat that was sent after the read came. All that wait share one round.
 */
import { ReadIndexRefusedError } from "./errors.js";
import type { LogIndex, NodeId } from "./types.js";
import { majorityOf } from "./quorum.js";
import { type PendingRead, ReadIndexQueue } from "./read-index.js";
import type { Leader, Replication } from "./replication.js";

/** The answer to a read of this node: an index to wait for, or that there is none. */
export interface ReadAnswer {
  readonly context: number;
  readonly index: LogIndex | undefined;
}

export class LeaderReads {
  readonly #leader: Leader;
  readonly #replication: Replication;
  readonly #queue = new ReadIndexQueue();
  #answers: ReadAnswer[] = [];

  constructor(leader: Leader, replication: Replication) {
    this.#leader = leader;
    this.#replication = replication;
  }

  get hasAnswers(): boolean {
    return this.#answers.length > 0;
  }

  /** Answers to reads of this member since the last call. */
  takeAnswers(): ReadAnswer[] {
    const answers = this.#answers;
    if (answers.length > 0) this.#answers = [];
    return answers;
  }

  /** A leader elsewhere has answered, or none will. */
  answer(answer: ReadAnswer): void {
    this.#answers.push(answer);
  }

  /** Throws `ReadIndexRefusedError` where a read of this member's own finds no room. */
  add(read: PendingRead): void {
    if (this.#queue.add(read)) return;
    if (read.from === undefined)
      throw new ReadIndexRefusedError("too many reads wait for their index");
  }

  /** Begins a round for what waits. Before an entry of its term is committed a leader may not (§8). */
  flush(): void {
    const { log, term, id, config } = this.#leader;
    if (!this.#queue.hasWaiting || log.termAt(log.committed) !== term) return;
    const round = this.#queue.begin(id, log.committed);
    if (config.voters.length === 1) this.confirm(id, round);
    else this.broadcastHeartbeat();
  }

  broadcastHeartbeat(): void {
    const { id: from, term, log } = this.#leader;
    const round = this.#queue.openRound;
    for (const [to, { match }] of this.#replication.progress) {
      const commit = Math.min(match, log.committed);
      this.#leader.send({ from, to, term, kind: "heartbeat", commit, round });
    }
  }

  /** `from` has answered a heartbeat of `round`. */
  confirm(from: NodeId, round: number): void {
    const { id, term, config } = this.#leader;
    const majority = majorityOf(config.voters.length);
    for (const read of this.#queue.acknowledge(from, round, (acks) => acks.size >= majority)) {
      const { context, index } = read;
      if (read.from === undefined) this.#answers.push({ context, index });
      else {
        const { from: to } = read;
        this.#leader.send({ kind: "read-index-response", from: id, to, term, context, index });
      }
    }
  }

  /** Leadership ended: none of these can be confirmed any more. */
  end(): void {
    for (const { from, context } of this.#queue.reset()) {
      if (from === undefined) this.#answers.push({ context, index: undefined });
    }
  }
}
