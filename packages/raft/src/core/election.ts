/** The votes of one campaign (Raft §5.2): each member's first answer counts. */
import { tally, type VoteResult } from "./quorum.js";
import type { NodeId } from "./types.js";

export class Election {
  readonly #votes = new Map<NodeId, boolean>();

  /** The candidate's own vote is the first. */
  begin(self: NodeId): void {
    this.#votes.clear();
    this.#votes.set(self, true);
  }

  end(): void {
    this.#votes.clear();
  }

  count(from: NodeId, granted: boolean): void {
    if (!this.#votes.has(from)) this.#votes.set(from, granted);
  }

  result(voters: number): VoteResult {
    let granted = 0;
    for (const vote of this.#votes.values()) if (vote) granted++;
    return tally({ granted, refused: this.#votes.size - granted }, voters);
  }
}
