/**
 * Forgets old revisions of the store, as kube-apiserver does (--etcd-compaction-interval): what was
 * current one interval ago is kept, so that a watch that was away for less goes on without a gap.
 * Several API servers may each do so: what is compacted already is no error.
 */
import { type Clock, errorText, type Logger, TaskGroup, type Timer } from "@sagong/base";
import type { StoreClient } from "@sagong/kv/client";
import { RpcError, StatusCode } from "@sagong/rpc";

export interface CompactorDependencies {
  readonly store: Pick<StoreClient, "range" | "compact">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Any key does: its answer's header tells the store's revision. */
const PROBE = new TextEncoder().encode("/registry/health");
const CALL_LIMIT_MS = 10_000;

export class Compactor {
  readonly #intervalMs: number;
  readonly #dependencies: CompactorDependencies;
  readonly #tasks: TaskGroup;
  #timer: Timer | undefined;
  /** The store's revision one interval ago. */
  #past: number | undefined;

  /** 0 for no compaction: then someone else must, or the store grows without end. */
  constructor(intervalMs: number, dependencies: CompactorDependencies) {
    this.#intervalMs = intervalMs;
    this.#dependencies = dependencies;
    this.#tasks = new TaskGroup((error) =>
      dependencies.logger.warn("the store was not compacted; the next interval tries again", {
        error: errorText(error),
      }),
    );
    if (intervalMs > 0) this.#schedule();
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#tasks.settled();
  }

  #schedule(): void {
    this.#timer = this.#dependencies.clock.schedule(this.#intervalMs, () => {
      this.#tasks.run("compact", () => this.#turn());
      this.#schedule();
    });
  }

  async #turn(): Promise<void> {
    const { store, logger } = this.#dependencies;
    const { header } = await store.range({ key: PROBE }, { timeoutMs: CALL_LIMIT_MS });
    const past = this.#past;
    this.#past = header?.revision;
    if (past === undefined) return;
    try {
      await store.compact({ revision: past }, { timeoutMs: CALL_LIMIT_MS });
      logger.info("compacted the store", { revision: past });
    } catch (error) {
      // Out of range: another API server has compacted as far already.
      if (!(error instanceof RpcError && error.code === StatusCode.outOfRange)) throw error;
    }
  }
}
