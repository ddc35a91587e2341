/**
 * When a member stops waiting for its leader (§5.2). Counts ticks; owns nothing but the count.
 *
 *   started     a short wait by rank: there may be no leader, and with pre-vote asking disturbs nobody
 *   restarted   [n, 2n) ticks by chance, as Raft has it
 *   suspected   a short wait by rank: the connection to the leader broke
 *
 * A suspicion alone deposes nobody: one heartbeat ends it, and a majority must share it.
 */
import { randomBelow } from "@sagong/base";
import type { RaftConfig } from "./config.js";

/** Times the rank: two members' asking is so far apart, and a living leader is heard meanwhile. */
const SHORT_WAIT_TICKS = 2;

export class ElectionTimer {
  readonly #config: Pick<RaftConfig, "nodeId" | "voters" | "electionTicks" | "random">;
  #elapsed = 0;
  #timeout: number;
  #suspected = false;

  constructor(config: Pick<RaftConfig, "nodeId" | "voters" | "electionTicks" | "random">) {
    this.#config = config;
    this.#timeout = this.#shortWait();
  }

  /** Ticks since it was started anew or the leader was heard. */
  get elapsed(): number {
    return this.#elapsed;
  }

  get isDue(): boolean {
    return this.#elapsed >= this.#timeout;
  }

  /** Whether the leader's lease on our vote holds (thesis §6.4). */
  get heardLately(): boolean {
    return !this.#suspected && this.#elapsed < this.#config.electionTicks;
  }

  tick(): void {
    this.#elapsed++;
  }

  /** A new wait, of another length. */
  restart(): void {
    const { electionTicks, random } = this.#config;
    this.#elapsed = 0;
    this.#suspected = false;
    this.#timeout = electionTicks + randomBelow(random, electionTicks);
  }

  /** The leader was heard, or someone was given our vote: the same wait from the start. */
  rewind(): void {
    if (this.#suspected) this.restart();
    else this.#elapsed = 0;
  }

  suspectLeader(): void {
    if (this.#suspected) return;
    this.#suspected = true;
    this.#timeout = Math.min(this.#timeout, this.#elapsed + this.#shortWait());
  }

  #shortWait(): number {
    const { voters, nodeId, electionTicks } = this.#config;
    const rank = voters.filter((voter) => voter < nodeId).length;
    return Math.min(SHORT_WAIT_TICKS * (1 + rank), electionTicks);
  }
}
