/**
 * The transactions that were applied last, by revision, in memory: what nearly every watcher that
 * has fallen behind still needs. Older ones are in the store.
 *
 * C1 the revisions are without a gap, from `first` to `last`: each transaction that changes
 *    something has the next one (MVCC's M1).
 */
import { AssertionError } from "@sagong/base";
import type { Change } from "../mvcc/change.js";

/** What a change costs besides its pair: objects, and its key as text. */
const OVERHEAD_BYTES = 200;
/** Transactions that have gone but still take room in the array, before it is cut. */
const GONE_MAX = 1_024;

export class RecentChanges {
  #transactions: (readonly Change[])[] = [];
  /** What each was taken to cost, which is not known better later. */
  #sizes: number[] = [];
  /** Position of `first` in the array: what is before has gone. */
  #head = 0;
  #first = 0;
  #bytes = 0;
  readonly #bytesMax: number;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The oldest revision that is here; meaningless while nothing is. */
  get first(): number {
    return this.#first;
  }

  get last(): number {
    return this.#first + this.#transactions.length - this.#head - 1;
  }

  get isEmpty(): boolean {
    return this.#transactions.length === this.#head;
  }

  has(revision: number): boolean {
    return revision >= this.#first && revision <= this.last;
  }

  /** The changes of a revision that is here. */
  at(revision: number): readonly Change[] {
    // `has` says so.
    return this.#transactions[this.#head + revision - this.#first] as readonly Change[];
  }

  /** Returns what it costs to keep them, roughly. */
  append(changes: readonly Change[], revision: number): number {
    if (this.isEmpty) this.#first = revision;
    if (revision !== this.#first + this.#transactions.length - this.#head) {
      throw new AssertionError(
        `the changes of revision ${revision} come behind those of ${this.last}`,
      );
    }
    const bytes = bytesOf(changes);
    this.#transactions.push(changes);
    this.#sizes.push(bytes);
    this.#bytes += bytes;
    while (this.#bytes > this.#bytesMax) this.#forgetFirst();
    return bytes;
  }

  clear(): void {
    this.#transactions = [];
    this.#sizes = [];
    this.#head = 0;
    this.#bytes = 0;
  }

  #forgetFirst(): void {
    this.#bytes -= this.#sizes[this.#head] ?? 0;
    this.#transactions[this.#head++] = [];
    this.#first++;
    if (this.#head < GONE_MAX || this.#head * 2 < this.#transactions.length) return;
    this.#transactions = this.#transactions.slice(this.#head);
    this.#sizes = this.#sizes.slice(this.#head);
    this.#head = 0;
  }
}

/** What keeping `changes` costs, roughly. */
export function bytesOf(changes: readonly Change[]): number {
  let bytes = 0;
  for (const change of changes) bytes += OVERHEAD_BYTES + change.byteLength;
  return bytes;
}
