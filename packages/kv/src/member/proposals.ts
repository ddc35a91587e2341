/**
 * From a request to its applied result: gives each proposal an id, offers it to raft, and answers
 * when the apply path meets that id. Owns the table of proposals that wait, its limits and time
 * limits; knows neither the request's content nor the result's.
 *
 * - While there is no leader, proposals wait here and are offered, in order, to the next one.
 * - A proposal that was offered is never offered twice: it may be committed although nobody told
 *   us, so that a second copy could be applied twice. Its client gets a timeout, as with etcd.
 *
 * Invariant: ids grow, so the table is in order of deadline and one timer on its head suffices.
 */
import type { Clock, Timer } from "@sagong/base";
import type { RaftNode, RaftStatus } from "@sagong/raft";
import { MemberError } from "./member-error.js";

export interface ProposalsOptions {
  readonly raft: Pick<RaftNode, "propose" | "status" | "onLeaderChange">;
  readonly clock: Clock;
  /** Time from proposal to result; etcd's 5 s + 2 × election timeout. */
  readonly timeoutMs: number;
  readonly electionTimeoutMs: number;
  /** True where raft's refusal means that a later leader may accept. */
  readonly isRetryable: (error: unknown) => boolean;
  /** Ids count up from here; above those of any earlier run of this member. */
  readonly firstId: number;
}

interface Pending<Result> {
  readonly startedMs: number;
  readonly deadlineMs: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

/** Proposals that may wait for their result at once; beyond it: "too many requests". */
const PENDING_MAX = 20_000;
/** Committed and not yet applied entries beyond which a member takes nothing new (etcd's gap). */
const COMMIT_APPLY_GAP_MAX = 5_000;

export class Proposals<Result> {
  readonly #options: ProposalsOptions;
  readonly #pending = new Map<number, Pending<Result>>();
  /** Not offered yet, for want of a leader; by id, in order. */
  readonly #waiting = new Map<number, Uint8Array>();
  #nextId: number;
  #timer: Timer | undefined;
  #closed: Error | undefined;
  /** When the present leader was first seen, for etcd's finer timeout text. */
  #leaderSinceMs = Number.NEGATIVE_INFINITY;
  #leaderId: bigint | undefined;
  readonly #forgetLeaderChange: () => void;

  constructor(options: ProposalsOptions) {
    this.#options = options;
    this.#nextId = options.firstId;
    this.#leaderId = options.raft.status().leaderId;
    this.#forgetLeaderChange = options.raft.onLeaderChange((status) => this.#leaderChanged(status));
  }

  get pendingCount(): number {
    return this.#pending.size;
  }

  /** Rejects with `MemberError`, or with what `fail` was given. */
  propose(encode: (id: number) => Uint8Array): Promise<Result> {
    if (this.#closed) return Promise.reject(this.#closed);
    const { commitIndex, appliedIndex } = this.#options.raft.status();
    if (this.#pending.size >= PENDING_MAX || commitIndex - appliedIndex > COMMIT_APPLY_GAP_MAX) {
      return Promise.reject(new MemberError("too-many-requests"));
    }
    const id = this.#nextId++;
    const data = encode(id);
    return new Promise((resolve, reject) => {
      const startedMs = this.#options.clock.monotonicMs();
      const deadlineMs = startedMs + this.#options.timeoutMs;
      this.#pending.set(id, { startedMs, deadlineMs, resolve, reject });
      this.#timer ??= this.#options.clock.schedule(this.#options.timeoutMs, () => this.#expire());
      this.#offer(id, data);
    });
  }

  /** The entry with `id` was applied. False where it is nobody's here (another member's, late). */
  complete(id: number, result: Result): boolean {
    const pending = this.#pending.get(id);
    if (!pending) return false;
    this.#pending.delete(id);
    pending.resolve(result);
    return true;
  }

  close(error: Error): void {
    this.#closed = error;
    this.#forgetLeaderChange();
    this.#timer?.cancel();
    this.#waiting.clear();
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
  }

  #offer(id: number, data: Uint8Array): void {
    // Behind one that waits, so that the order of requests is kept.
    if (this.#waiting.size > 0) {
      this.#waiting.set(id, data);
      return;
    }
    try {
      this.#options.raft.propose(data);
    } catch (error) {
      if (this.#options.isRetryable(error)) {
        this.#waiting.set(id, data);
        return;
      }
      this.#pending.get(id)?.reject(new MemberError("too-many-requests", { cause: error }));
      this.#pending.delete(id);
    }
  }

  #leaderChanged(status: RaftStatus): void {
    if (status.leaderId !== this.#leaderId) {
      this.#leaderId = status.leaderId;
      if (status.leaderId !== undefined) this.#leaderSinceMs = this.#options.clock.monotonicMs();
    }
    if (status.leaderId === undefined || this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const [id, data] of waiting) {
      if (this.#pending.has(id)) this.#offer(id, data);
    }
  }

  #expire(): void {
    this.#timer = undefined;
    const nowMs = this.#options.clock.monotonicMs();
    for (const [id, pending] of this.#pending) {
      if (pending.deadlineMs > nowMs) {
        this.#timer = this.#options.clock.schedule(pending.deadlineMs - nowMs, () =>
          this.#expire(),
        );
        return;
      }
      this.#pending.delete(id);
      this.#waiting.delete(id);
      pending.reject(this.#timeoutError(pending.startedMs));
    }
  }

  /** etcd: a request begun in the two election timeouts before this leader fell to the last one. */
  #timeoutError(startedMs: number): MemberError {
    const lostMs = this.#leaderSinceMs - 2 * this.#options.electionTimeoutMs;
    const leaderFailed = startedMs > lostMs && startedMs < this.#leaderSinceMs;
    return new MemberError(leaderFailed ? "timeout-leader-fail" : "timeout");
  }
}
