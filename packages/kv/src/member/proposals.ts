/**
 * From a request to its applied result: gathers the requests of a turn into one batch, offers it to
 * raft, and answers when the apply path meets the batch again. Owns the requests that wait, their
 * limits and time limits; knows neither their content nor their results'.
 *
 * - While there is no leader, batches wait here and are offered, in order, to the next one.
 * - A batch that was offered is never offered twice: it may be committed although nobody told us,
 *   so that a second copy could be applied twice. Its clients get a timeout, as with etcd.
 *
 * Invariant: ids grow, so batches are in order of deadline and one timer on the first suffices.
 */
import { type Clock, Deferred, type Timer } from "@sagong/base";
import type { RaftNode, RaftStatus } from "@sagong/raft";
import { MemberError } from "./member-error.js";
import { encodeBatch, type EncodedRequest } from "./request-batch.js";
import { Scratch } from "./scratch.js";
import { SequenceTable } from "./sequence-table.js";

export interface ProposalsOptions<Result, Response> {
  readonly memberId: bigint;
  readonly raft: Pick<RaftNode, "propose" | "status" | "onLeaderChange">;
  readonly clock: Clock;
  /** Time from proposal to result; etcd's 5 s + 2 × election timeout. */
  readonly timeoutMs: number;
  readonly electionTimeoutMs: number;
  /** True where raft's refusal means that a later leader may accept. */
  readonly isRetryable: (error: unknown) => boolean;
  /** Ids count up from here; above those of any earlier run of this member. */
  readonly firstId: number;
  /** What a client is answered; throws what it is refused with. */
  readonly respond: (result: Result) => Response;
  /** Runs a callback when what is under way in this turn is done. */
  readonly afterCurrent: (callback: () => void) => void;
}

interface Batch {
  readonly firstId: number;
  readonly startedMs: number;
  /** The id behind its last request. */
  endId: number;
  /** While it waits for a leader. */
  data: Uint8Array | undefined;
}

/** Requests that may wait for their result at once; beyond it: "too many requests". */
const PENDING_MAX = 20_000;
/** Committed and not yet applied entries beyond which a member takes nothing new (etcd's gap). */
const COMMIT_APPLY_GAP_MAX = 5_000;
/** A batch with more than this is offered at once, and another begun. */
const BATCH_BYTES = 512 * 1024;
/** Enough for what one connection brings in a turn; larger batches get memory of their own. */
const SCRATCH_BYTES = 128 * 1024;

export class Proposals<Result, Response> {
  readonly #options: ProposalsOptions<Result, Response>;
  readonly #pending: SequenceTable<Deferred<Response>>;
  /** Not all answered yet, in order. */
  #batches: Batch[] = [];
  /** Those that were never offered, for want of a leader; in order. */
  #waiting: Batch[] = [];
  /** Requests of the batch that is being gathered. */
  #gathered: EncodedRequest[] = [];
  #gatheredBytes = 0;
  /** Raft copies what it is offered: a batch needs memory only until then. */
  readonly #scratch = new Scratch(SCRATCH_BYTES);
  #gathering: Batch | undefined;
  #timer: Timer | undefined;
  #closed: Error | undefined;
  /** When the present leader was first seen, for etcd's finer timeout text. */
  #leaderSinceMs = Number.NEGATIVE_INFINITY;
  #leaderId: bigint | undefined;
  readonly #forgetLeaderChange: () => void;
  readonly #flush = (): void => this.#offerGathered();

  constructor(options: ProposalsOptions<Result, Response>) {
    this.#options = options;
    this.#pending = new SequenceTable(options.firstId);
    this.#leaderId = options.raft.status().leaderId;
    this.#forgetLeaderChange = options.raft.onLeaderChange((status) => this.#leaderChanged(status));
  }

  get pendingCount(): number {
    return this.#pending.size;
  }

  /** Throws `MemberError` where there are too many, or what `close` was given. */
  propose(request: EncodedRequest): Deferred<Response> {
    if (this.#closed) throw this.#closed;
    if (this.#pending.size >= PENDING_MAX) throw new MemberError("too-many-requests");
    const batch = this.#gathering ?? this.#begin();
    const pending = new Deferred<Response>();
    this.#pending.add(pending);
    batch.endId++;
    this.#gathered.push(request);
    this.#gatheredBytes += request.body.length;
    if (this.#gatheredBytes >= BATCH_BYTES) this.#offerGathered();
    return pending;
  }

  /** The request with `id` was applied. False where it is nobody's here any more. */
  complete(id: number, result: Result): boolean {
    const pending = this.#pending.take(id);
    if (!pending) return false;
    try {
      pending.resolve(this.#options.respond(result));
    } catch (error) {
      pending.reject(error);
    }
    return true;
  }

  close(error: Error): void {
    this.#closed = error;
    this.#forgetLeaderChange();
    this.#timer?.cancel();
    this.#waiting = [];
    this.#gathered = [];
    this.#gathering = undefined;
    for (const batch of this.#batches) this.#refuse(batch, error);
    this.#batches = [];
  }

  #begin(): Batch {
    const { commitIndex, appliedIndex } = this.#options.raft.status();
    if (commitIndex - appliedIndex > COMMIT_APPLY_GAP_MAX) {
      throw new MemberError("too-many-requests");
    }
    const firstId = this.#pending.nextId;
    const startedMs = this.#options.clock.monotonicMs();
    const batch: Batch = { firstId, startedMs, endId: firstId, data: undefined };
    this.#gathering = batch;
    this.#forgetAnswered();
    this.#batches.push(batch);
    this.#timer ??= this.#options.clock.schedule(this.#options.timeoutMs, () => this.#expire());
    this.#options.afterCurrent(this.#flush);
    return batch;
  }

  #forgetAnswered(): void {
    let answered = 0;
    const { oldestId } = this.#pending;
    for (const { endId } of this.#batches) {
      if (endId > oldestId) break;
      answered++;
    }
    if (answered > 0) this.#batches.splice(0, answered);
  }

  #offerGathered(): void {
    const batch = this.#gathering;
    if (!batch) return; // It grew so large that it was offered before its turn ended.
    const { memberId } = this.#options;
    const data = encodeBatch(
      { memberId, firstSequence: batch.firstId },
      this.#gathered,
      this.#scratch,
    );
    this.#gathering = undefined;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#offer(batch, data);
  }

  #offer(batch: Batch, data: Uint8Array): void {
    // Behind one that waits, so that the order of requests is kept.
    if (this.#waiting.length > 0) return this.#wait(batch, data);
    try {
      this.#options.raft.propose(data);
    } catch (error) {
      if (this.#options.isRetryable(error)) return this.#wait(batch, data);
      this.#refuse(batch, new MemberError("too-many-requests", { cause: error }));
    }
  }

  #wait(batch: Batch, data: Uint8Array): void {
    batch.data = data.slice(); // The next batch is encoded where this one lies.
    this.#waiting.push(batch);
  }

  #refuse({ firstId, endId }: Batch, error: Error): void {
    for (let id = firstId; id < endId; id++) this.#pending.take(id)?.reject(error);
  }

  #leaderChanged(status: RaftStatus): void {
    if (status.leaderId !== this.#leaderId) {
      this.#leaderId = status.leaderId;
      if (status.leaderId !== undefined) this.#leaderSinceMs = this.#options.clock.monotonicMs();
    }
    if (status.leaderId === undefined || this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const batch of waiting) {
      const { data } = batch;
      batch.data = undefined;
      if (data !== undefined) this.#offer(batch, data);
    }
  }

  #expire(): void {
    this.#timer = undefined;
    const { clock, timeoutMs } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#forgetAnswered();
    for (let batch = this.#batches[0]; batch; batch = this.#batches[0]) {
      const leftMs = batch.startedMs + timeoutMs - nowMs;
      if (leftMs > 0) {
        this.#timer = clock.schedule(leftMs, () => this.#expire());
        return;
      }
      this.#batches.shift();
      // Nothing of it goes to a later leader.
      if (this.#waiting[0] === batch) this.#waiting.shift();
      this.#refuse(batch, this.#timeoutError(batch.startedMs));
    }
  }

  /** etcd: a request begun in the two election timeouts before this leader fell to the last one. */
  #timeoutError(startedMs: number): MemberError {
    const lostMs = this.#leaderSinceMs - 2 * this.#options.electionTimeoutMs;
    const leaderFailed = startedMs > lostMs && startedMs < this.#leaderSinceMs;
    return new MemberError(leaderFailed ? "timeout-leader-fail" : "timeout");
  }
}
