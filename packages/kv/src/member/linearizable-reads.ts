/**
 * Linearizable reads without a log entry (Raft thesis §6.4): a read that arrives now may be served
 * once the local state machine has applied what was committed when it arrived. One ReadIndex round
 * serves every read that arrived before the round began.
 *
 *     read a, b ──┐                      ┌── wait for applied ── serve a, b
 *                 └─ round 1 (a, b) ─────┘
 *     read c, d ─────── wait ──┐ round 2 (c, d) …
 *
 * Invariant: a read joins only a round that has not begun, since the index of a round that is under
 * way may be older than the read (etcd issue #20418 is what happens otherwise).
 *
 * A round that is lost (no leader, leader changed, message dropped) is asked again: a read has no
 * effect, so asking twice is safe.
 */
import type { Clock, Timer } from "@sagong/base";
import type { RaftNode } from "@sagong/raft";
import type { AppliedWaiters } from "./applied-waiters.js";
import { MemberError } from "./member-error.js";

export interface LinearizableReadsOptions {
  readonly raft: Pick<RaftNode, "readIndex" | "onLeaderChange">;
  readonly applied: AppliedWaiters;
  readonly clock: Clock;
  /** Then a read fails with "request timed out". */
  readonly timeoutMs: number;
}

/** etcd's readIndexRetryTime: then the same round is asked for again. */
const RETRY_MS = 500;

export class LinearizableReads {
  readonly #options: LinearizableReadsOptions;
  /** The round that reads may still join; begins when the one before it has ended. */
  #gathering: Promise<void> | undefined;
  #current: Promise<unknown> = Promise.resolve();
  #round: Round | undefined;
  #closed = false;
  readonly #forgetLeaderChange: () => void;

  constructor(options: LinearizableReadsOptions) {
    this.#options = options;
    this.#forgetLeaderChange = options.raft.onLeaderChange((status) => {
      if (status.leaderId !== undefined) this.#round?.ask();
    });
  }

  /** Resolves when the local state may be read. Rejects with `MemberError`. */
  wait(): Promise<void> {
    this.#gathering ??= this.#gather();
    return this.#gathering;
  }

  /** Rounds under way fail with "server stopped". */
  close(): void {
    this.#closed = true;
    this.#forgetLeaderChange();
    this.#round?.fail(new MemberError("stopped"));
  }

  async #gather(): Promise<void> {
    // A round that failed has told its own readers; the next one starts afresh.
    await this.#current.catch(() => {});
    if (this.#closed) throw new MemberError("stopped");
    const round = new Round(this.#options);
    this.#round = round;
    this.#current = round.index;
    this.#gathering = undefined;
    await this.#options.applied.until(await round.index);
  }
}

/** Asks until an answer comes. An answer to any of its questions counts, also a late one. */
class Round {
  readonly index: Promise<number>;
  readonly #raft: LinearizableReadsOptions["raft"];
  readonly #clock: Clock;
  readonly #deadlineMs: number;
  #resolve: (index: number) => void = () => {};
  #reject: (error: Error) => void = () => {};
  #timer: Timer | undefined;
  #ended = false;

  constructor(options: LinearizableReadsOptions) {
    this.#raft = options.raft;
    this.#clock = options.clock;
    this.#deadlineMs = options.clock.monotonicMs() + options.timeoutMs;
    this.index = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.ask();
  }

  ask(): void {
    if (this.#ended) return;
    const leftMs = this.#deadlineMs - this.#clock.monotonicMs();
    if (leftMs <= 0) return this.fail(new MemberError("timeout"));
    this.#timer?.cancel();
    this.#timer = this.#clock.schedule(Math.min(RETRY_MS, leftMs), () => this.ask());
    // A refusal (no leader, leader changed) is not final: the timer or a new leader asks again.
    this.#raft.readIndex().then(
      (index) => {
        this.#end();
        this.#resolve(index);
      },
      () => {},
    );
  }

  fail(error: Error): void {
    this.#end();
    this.#reject(error);
  }

  #end(): void {
    this.#ended = true;
    this.#timer?.cancel();
  }
}
