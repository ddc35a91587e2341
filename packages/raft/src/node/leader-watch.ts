/** Who wants to know when the leader changes. */
import type { Clock } from "@sagong/base";
import type { NodeId } from "../core/types.js";
import type { RaftStatus } from "./raft-node.js";

export class LeaderWatch {
  readonly #listeners = new Set<(status: RaftStatus) => void>();
  #leader: NodeId | undefined;
  #term = 0;

  get leader(): NodeId | undefined {
    return this.#leader;
  }

  /** What changed since the last time. */
  notice(leader: NodeId | undefined, term: number): "nothing" | "term" | "leader" {
    if (leader === this.#leader && term === this.#term) return "nothing";
    const isOther = leader !== this.#leader;
    this.#leader = leader;
    this.#term = term;
    return isOther ? "leader" : "term";
  }

  tell(status: RaftStatus): void {
    for (const listener of this.#listeners) listener(status);
  }

  add(listener: (status: RaftStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when `target` leads; rejects after `timeoutMs`. */
  until(target: NodeId, { clock, timeoutMs }: { clock: Clock; timeoutMs: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = clock.schedule(timeoutMs, () => {
        stop();
        reject(
          new Error(
            `Cannot transfer leadership to ${target.toString(16)}: it did not take over in ${timeoutMs} ms`,
          ),
        );
      });
      const stop = this.add(({ leaderId }) => {
        if (leaderId !== target) return;
        stop();
        timer.cancel();
        resolve();
      });
    });
  }
}
