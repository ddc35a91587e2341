/**
 * Keys that wait to be worked on: each at most once, in order of arrival (fair); a key that comes
 * again while it is worked on waits for its next turn (stingy). Failed keys come back later: 5 ms
 * doubled up to 1,000 s, as client-go has it. Work never begins inside `add`: who calls it may be
 * in the middle of telling several of one change.
 *
 * Q1 no key is worked on twice at a time.
 * Q2 a key added while it is worked on is worked on once more after that.
 */
import { type Clock, errorText, type Logger, TaskGroup, type Timer } from "@sagong/base";

export interface WorkQueueDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
}

const FIRST_RETRY_MS = 5;
const MAX_RETRY_MS = 1_000_000;

export class WorkQueue {
  readonly #work: (key: string) => Promise<void>;
  readonly #dependencies: WorkQueueDependencies;
  readonly #waiting = new Set<string>();
  readonly #active = new Set<string>();
  readonly #again = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #delayed = new Map<string, { readonly atMs: number; readonly timer: Timer }>();
  readonly #workers: number;
  readonly #tasks: TaskGroup;
  #starting = false;
  #closed = false;

  constructor(
    work: (key: string) => Promise<void>,
    dependencies: WorkQueueDependencies,
    workers = 5,
  ) {
    this.#work = work;
    this.#dependencies = dependencies;
    this.#workers = workers;
    this.#tasks = new TaskGroup((error) =>
      dependencies.logger.error("worker broke", { error: errorText(error) }),
    );
  }

  add(key: string): void {
    if (this.#closed) return;
    if (this.#active.has(key)) this.#again.add(key);
    else this.#waiting.add(key);
    this.#startSoon();
  }

  /** The earliest of several delays of one key counts. */
  addAfter(key: string, delayMs: number): void {
    if (this.#closed) return;
    const { clock } = this.#dependencies;
    const atMs = clock.monotonicMs() + delayMs;
    const known = this.#delayed.get(key);
    if (known && known.atMs <= atMs) return;
    known?.timer.cancel();
    const timer = clock.schedule(delayMs, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { atMs, timer });
  }

  /** Resolves when what is under way has ended; what waits is dropped. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting.clear();
    for (const { timer } of this.#delayed.values()) timer.cancel();
    this.#delayed.clear();
    await this.#tasks.settled();
  }

  #startSoon(): void {
    if (this.#starting) return;
    this.#starting = true;
    this.#tasks.run("start", async () => {
      await Promise.resolve();
      this.#starting = false;
      this.#start();
    });
  }

  #start(): void {
    for (const key of this.#waiting) {
      if (this.#active.size >= this.#workers || this.#closed) return;
      this.#waiting.delete(key);
      this.#active.add(key);
      this.#tasks.run(key, () => this.#run(key));
    }
  }

  async #run(key: string): Promise<void> {
    try {
      await this.#work(key);
      this.#failures.delete(key);
    } catch (error) {
      const failures = (this.#failures.get(key) ?? 0) + 1;
      this.#failures.set(key, failures);
      this.#dependencies.logger.debug("work is being retried", {
        key,
        failures,
        error: errorText(error),
      });
      this.addAfter(key, Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), MAX_RETRY_MS));
    }
    this.#active.delete(key);
    if (this.#again.delete(key) && !this.#closed) this.#waiting.add(key);
    this.#start();
  }
}
