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
  /** Runs a callback when what is under way in this turn is done. */
  readonly afterCurrent: (callback: () => void) => void;
}

/** A read that waits; told once, at once, and must not throw. */
export interface Reader {
  /** The local state may be read now. */
  readable(): void;
  refused(error: unknown): void;
}

/** etcd's readIndexRetryTime: then the same round is asked for again. */
const RETRY_MS = 500;
/** Reads that may wait for a round; beyond it: "too many requests". */
const READERS_MAX = 100_000;

export class LinearizableReads {
  readonly #options: LinearizableReadsOptions;
  /** Of the round that has not begun. */
  #gathered: Reader[] = [];
  #round: Round | undefined;
  #isBeginning = false;
  #closed = false;
  readonly #forgetLeaderChange: () => void;
  readonly #begin = (): void => this.#beginRound();

  constructor(options: LinearizableReadsOptions) {
    this.#options = options;
    this.#forgetLeaderChange = options.raft.onLeaderChange((status) => {
      if (status.leaderId !== undefined) this.#round?.ask();
    });
  }

  /** Tells `reader` when the local state may be read, or refuses it with `MemberError`. */
  whenReadable(reader: Reader): void {
    if (this.#closed) return reader.refused(new MemberError("stopped"));
    if (this.#gathered.length >= READERS_MAX) {
      return reader.refused(new MemberError("too-many-requests"));
    }
    this.#gathered.push(reader);
    if (this.#round || this.#isBeginning) return;
    // Those of the same turn are to be of the same round.
    this.#isBeginning = true;
    this.#options.afterCurrent(this.#begin);
  }

  /** Resolves when the local state may be read. Rejects with `MemberError`. */
  wait(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.whenReadable({ readable: resolve, refused: reject });
    });
  }

  /** Rounds under way, and reads that wait for one, fail with "server stopped". */
  close(): void {
    this.#closed = true;
    this.#forgetLeaderChange();
    const stopped = new MemberError("stopped");
    refuse(this.#gathered, stopped);
    this.#gathered = [];
    this.#round?.fail(stopped);
  }

  #beginRound(): void {
    this.#isBeginning = false;
    const readers = this.#gathered;
    if (readers.length === 0) return; // Refused by close().
    this.#gathered = [];
    const round = new Round(this.#options);
    this.#round = round;
    void this.#serve(round, readers);
  }

  /** Never rejects. */
  async #serve(round: Round, readers: readonly Reader[]): Promise<void> {
    try {
      const index = await this.#end(round);
      await this.#options.applied.until(index);
    } catch (error) {
      return refuse(readers, error);
    }
    for (const reader of readers) reader.readable();
  }

  /** The round's index. The next one may begin as soon as it is known, or will never be. */
  async #end(round: Round): Promise<number> {
    try {
      return await round.index;
    } finally {
      this.#round = undefined;
      if (this.#gathered.length > 0) this.#beginRound();
    }
  }
}

function refuse(readers: readonly Reader[], error: unknown): void {
  for (const reader of readers) reader.refused(error);
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
