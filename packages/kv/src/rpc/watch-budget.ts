/** What all watch streams of a member together keep for clients that do not read. */
const BYTES_MAX = 256 * 1024 * 1024;

/**
 * Above its limit no stream that has something waiting takes events: the watchers fall behind, and
 * read on from the store when their client does. Streams that keep up are not concerned.
 */
export class WatchBudget {
  #bytes = 0;

  get isSpent(): boolean {
    return this.#bytes >= BYTES_MAX;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }
}
