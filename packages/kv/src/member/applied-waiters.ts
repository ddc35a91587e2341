/**
 * Who waits for the state machine to have applied a given index. Fed by the apply path after each
 * batch; costs one comparison when nobody waits.
 */
interface Waiter {
  readonly index: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class AppliedWaiters {
  #applied: number;
  #closed: Error | undefined;
  /** Unordered: there is at most one per read round and per member-internal task. */
  #waiters: Waiter[] = [];

  constructor(applied: number) {
    this.#applied = applied;
  }

  get appliedIndex(): number {
    return this.#applied;
  }

  /** Resolves once `index` is applied; rejects when the member closes first. */
  until(index: number): Promise<void> {
    if (index <= this.#applied) return Promise.resolve();
    if (this.#closed) return Promise.reject(this.#closed);
    return new Promise((resolve, reject) => this.#waiters.push({ index, resolve, reject }));
  }

  advanceTo(index: number): void {
    this.#applied = index;
    if (this.#waiters.length === 0) return;
    const due = this.#waiters.filter((waiter) => waiter.index <= index);
    this.#waiters = this.#waiters.filter((waiter) => waiter.index > index);
    for (const waiter of due) waiter.resolve();
  }

  close(error: Error): void {
    this.#closed = error;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }
}
