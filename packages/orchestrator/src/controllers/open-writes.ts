/**
 * Writes without an answer, by the object that they were made for: each may be done, or be done in a
 * moment, and no informer tells which. Until the server itself has been asked, nothing that depends
 * on it may be decided: a pod or a size that nobody counts with would come on top.
 */
import type { Clock } from "@sagong/base";
import { mayBeDone } from "../client/may-be-done.js";

/** A request that was given up may still be on its way; what the server says before is too early. */
const SETTLE_MS = 1_000;

export class OpenWrites {
  readonly #clock: Clock;
  readonly #sinceMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A write for `owner` failed with `error`. */
  failed(owner: string, error: unknown): void {
    if (mayBeDone(error)) this.#sinceMs.set(owner, this.#clock.monotonicMs());
  }

  /** How long to wait until the server can be asked; undefined: there is nothing to ask. */
  waitMs(owner: string): number | undefined {
    const sinceMs = this.#sinceMs.get(owner);
    if (sinceMs === undefined) return undefined;
    return Math.max(0, sinceMs + SETTLE_MS - this.#clock.monotonicMs());
  }

  /** The server was asked, and what it said is counted with; or the owner is no more. */
  settle(owner: string): void {
    this.#sinceMs.delete(owner);
  }
}
