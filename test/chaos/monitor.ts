/** Asks the members what they are, again and again, and writes down where that has changed. */
import type { TraceRole } from "@sagong/robustness";
import type { ChaosCluster } from "./cluster.js";
import type { ChaosMember } from "./member.js";
import type { RunLog } from "./run-log.js";
import { interruptibleWait } from "./interruptible-wait.js";

const POLL_MS = 250;

export class Monitor {
  readonly #cluster: ChaosCluster;
  readonly #log: RunLog;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;

  constructor(cluster: ChaosCluster, log: RunLog) {
    this.#cluster = cluster;
    this.#log = log;
    this.#running = Promise.all(cluster.members.map((member) => this.#follow(member))).then(
      () => {},
    );
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #follow(member: ChaosMember): Promise<void> {
    const { signal } = this.#stopping;
    let before = "";
    while (!signal.aborted) {
      const view = await this.#cluster.view(member);
      if (view) {
        // A status tells leaders from all others.
        const role: TraceRole = view.isLeader ? "leader" : "follower";
        const now = `${role}, term ${view.term}`;
        if (now !== before) {
          this.#log.add({ kind: "raft", who: member.name, text: now, role, term: view.term });
        }
        before = now;
      }
      await interruptibleWait(POLL_MS, signal);
    }
  }
}
