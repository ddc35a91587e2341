/**
 * The log's storage, used by one at a time: its calls must not overlap. A write begins when what was
 * sent in this turn is on its way: handing work to a thread may cost this one its processor, and the
 * followers' answers take longer than the disk's (measured: a lone put's median 14 % shorter).
 */
import type { LogBatch, LogStorage } from "../storage/log-storage.js";
import type { RaftNodeDependencies } from "./raft-node-options.js";

export class LogDisk {
  readonly #storage: LogStorage;
  readonly #sent: () => Promise<void>;
  #isBusy = false;
  #isStopped = false;
  /** Of those who wait until it is idle: they look again, in this order. */
  #waiting: (() => void)[] = [];

  constructor({ storage, afterCurrent }: Pick<RaftNodeDependencies, "storage" | "afterCurrent">) {
    this.#storage = storage;
    this.#sent = () => new Promise((resolve) => (afterCurrent ?? run)(resolve));
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Whoever waits for the disk goes on: a batch that failed would be under way for ever. */
  stop(): void {
    this.#isStopped = true;
    this.#letLook();
  }

  /** The disk must be idle. It is so again when this resolves; after a rejection never. */
  async write(batch: LogBatch): Promise<void> {
    this.#isBusy = true;
    await this.#sent();
    await this.#storage.append(batch);
    this.#release();
  }

  async idle(): Promise<void> {
    while (this.#isBusy && !this.#isStopped) await this.#change();
  }

  /** Between two batches. Nothing is done where the member has stopped. */
  async exclusively(action: (storage: LogStorage) => Promise<void>): Promise<void> {
    // Nothing may be awaited between the last look and taking the disk.
    while (this.#isBusy && !this.#isStopped) await this.#change();
    if (this.#isStopped) return;
    this.#isBusy = true;
    try {
      await action(this.#storage);
    } finally {
      this.#release();
    }
  }

  #release(): void {
    this.#isBusy = false;
    this.#letLook();
  }

  /** A wait that costs nothing, however long the disk takes: a stalled one takes seconds. */
  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #letLook(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    for (const look of waiting) look();
  }
}

function run(callback: () => void): void {
  callback();
}
