/**
 * Forgets what is in the state machine (§7), but for what followers that are a little behind will
 * ask for: so many entries and so many bytes of them, whichever is less.
 */
import type { LogIndex } from "../core/types.js";
import type { LogStorage } from "../storage/log-storage.js";
import type { MemberHost } from "./member-host.js";
import { LOG_BYTES } from "./raft-node-options.js";

export class LogCompaction {
  readonly #host: MemberHost;
  #isRunning = false;

  constructor(host: MemberHost) {
    this.#host = host;
  }

  /** Begins where there is enough to forget. */
  maybe(): void {
    if (this.#isRunning || !this.#isDue) return;
    this.#isRunning = true;
    this.#host.tasks.run("compact", async () => {
      const durable = await this.#host.dependencies.stateMachine.flush();
      await this.#host.disk.exclusively((storage) => this.#compact(storage, durable));
      this.#isRunning = false;
      this.#host.wake();
    });
  }

  get #isDue(): boolean {
    const { log } = this.#host.raw.raft;
    const { snapshotCount, catchUpEntries } = this.#host.options;
    const { snapshotBytes = LOG_BYTES, catchUpBytes = LOG_BYTES } = this.#host.options;
    const { index } = log.snapshot;
    return (
      log.applied - index >= snapshotCount + catchUpEntries ||
      log.bytesIn(index, log.applied) >= snapshotBytes + catchUpBytes
    );
  }

  async #compact(storage: LogStorage, durable: LogIndex): Promise<void> {
    const { raw, options } = this.#host;
    const { log } = raw.raft;
    const { catchUpEntries, catchUpBytes = LOG_BYTES, voters } = options;
    const done = Math.min(durable, log.applied);
    const kept = Math.max(done - catchUpEntries, log.indexBefore(catchUpBytes));
    const index = Math.min(done, kept);
    const term = log.termAt(index);
    if (term === undefined || index <= log.snapshot.index) return;
    await storage.compact({ index, term, confState: { voters } });
    log.compact(index);
  }
}
