/**
 * Memory that the answers of large ranges are put together in, used again once they are sent. The
 * collector counts array buffers: 28 MB of new ones for a range of 100,000 keys make it mark the
 * whole heap, that of a store with a million keys for a quarter of a second, every other range.
 *
 * What is not given back (the client went away, the transport does not say when it has sent) is the
 * collector's, as if there were no pool.
 */
import type { Clock, Timer } from "@sagong/base";

/** Pairs are copied one behind the other into chunks of this size. */
export const CHUNK_BYTES: number = 64 * 1024;
/** What is kept at most: a range of 100,000 small pairs. */
const KEPT_BYTES_MAX = 32 * 1024 * 1024;
/** What nobody has asked for so long is given to the collector. */
const KEPT_MS = 10_000;

export class ChunkPool {
  readonly #clock: Clock;
  readonly #free: Uint8Array[] = [];
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get freeBytes(): number {
    return this.#free.length * CHUNK_BYTES;
  }

  /** A chunk of `CHUNK_BYTES`, with whatever was in it. */
  take(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(CHUNK_BYTES);
  }

  /** Takes back what `take` gave, once each; nobody may read them any more. */
  giveBack(chunks: readonly Uint8Array[]): void {
    if (this.#isClosed) return;
    for (const chunk of chunks) {
      if (this.freeBytes < KEPT_BYTES_MAX) this.#free.push(chunk);
    }
    this.#timer?.cancel();
    this.#timer = this.#clock.schedule(KEPT_MS, () => {
      this.#free.length = 0;
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#free.length = 0;
  }
}
