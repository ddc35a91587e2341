/**
 * Whether there is a leader, for those who must not wait for one: `hasleader` streams end when a
 * member has been without a leader for three election timeouts (etcd's monitorLeader).
 */
import type { Clock, Timer } from "@sagong/base";
import type { RaftNode, RaftStatus } from "@sagong/raft";

export interface LeaderPresenceOptions {
  readonly raft: Pick<RaftNode, "status" | "onLeaderChange">;
  readonly clock: Clock;
  readonly electionTimeoutMs: number;
  /** Called at each change from one leader to another, or to a first one. */
  readonly onNewLeader: () => void;
}

/** etcd: election timeouts without a leader until streams that require one are ended. */
const MISSING_ELECTION_TIMEOUTS = 3;

export class LeaderPresenceMonitor {
  readonly #options: LeaderPresenceOptions;
  readonly #listeners = new Set<() => void>();
  readonly #forget: () => void;
  #leaderId: bigint | undefined;
  #timer: Timer | undefined;

  constructor(options: LeaderPresenceOptions) {
    this.#options = options;
    this.#leaderId = options.raft.status().leaderId;
    this.#forget = options.raft.onLeaderChange((status) => this.#changed(status));
    if (this.#leaderId === undefined) this.#startTimer();
  }

  hasLeader(): boolean {
    return this.#leaderId !== undefined;
  }

  onLeaderMissing(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  close(): void {
    this.#forget();
    this.#timer?.cancel();
    this.#listeners.clear();
  }

  #changed({ leaderId }: RaftStatus): void {
    if (leaderId === this.#leaderId) return;
    this.#leaderId = leaderId;
    this.#timer?.cancel();
    if (leaderId === undefined) this.#startTimer();
    else this.#options.onNewLeader();
  }

  #startTimer(): void {
    const delayMs = MISSING_ELECTION_TIMEOUTS * this.#options.electionTimeoutMs;
    this.#timer = this.#options.clock.schedule(delayMs, () => {
      for (const listener of this.#listeners) listener();
    });
  }
}
