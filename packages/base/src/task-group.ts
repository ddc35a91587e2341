/**
 * Owner of background tasks: every promise that nobody awaits at once is added to a group, and the
 * owner awaits `settled()` on close. A task that fails is reported, never lost.
 */
export class TaskGroup {
  readonly #tasks = new Set<Promise<void>>();
  readonly #onError: (error: unknown, name: string) => void;

  constructor(onError: (error: unknown, name: string) => void) {
    this.#onError = onError;
  }

  /** Starts `task` now; its failure goes to the group's `onError`. */
  run(name: string, task: () => Promise<void>): void {
    const promise = task()
      .catch((error: unknown) => this.#onError(error, name))
      .finally(() => this.#tasks.delete(promise));
    this.#tasks.add(promise);
  }

  get size(): number {
    return this.#tasks.size;
  }

  /** Resolves when no task is left, those started meanwhile included. */
  async settled(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }
}
