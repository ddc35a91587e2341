/**
 * What a controller has asked for and its informer has not shown yet. Until it has, or five
 * minutes have passed, nothing more is made or dropped: else a late informer makes pods double.
 */
import type { Clock } from "@sagong/base";

interface Expected {
  readonly created: Set<string>;
  readonly deleted: Set<string>;
  /** Shown before their creation was answered. */
  readonly shown: Set<string>;
  readonly sinceMs: number;
}

/** controller.ExpectationsTimeout. */
const LIMIT_MS = 300_000;

export class Expectations {
  readonly #clock: Clock;
  readonly #byOwner = new Map<string, Expected>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** 0: nothing is outstanding. Else how long to wait for it at most. */
  waitMs(owner: string): number {
    const expected = this.#byOwner.get(owner);
    if (!expected || expected.created.size + expected.deleted.size === 0) return 0;
    return Math.max(0, expected.sinceMs + LIMIT_MS - this.#clock.monotonicMs());
  }

  /** What was outstanding before counts no longer. */
  begin(owner: string): void {
    this.#byOwner.set(owner, {
      created: new Set(),
      deleted: new Set(),
      shown: new Set(),
      sinceMs: this.#clock.monotonicMs(),
    });
  }

  created(owner: string, uid: string): void {
    const expected = this.#byOwner.get(owner);
    if (!expected?.shown.has(uid)) expected?.created.add(uid);
  }

  deleted(owner: string, uid: string): void {
    this.#byOwner.get(owner)?.deleted.add(uid);
  }

  /** The deletion was refused: there is nothing to wait for. */
  notDeleted(owner: string, uid: string): void {
    this.#byOwner.get(owner)?.deleted.delete(uid);
  }

  /** The informer shows an object; `isGoing` where it is deleted or about to be. */
  show(owner: string, uid: string, { isGoing }: { readonly isGoing: boolean }): void {
    const expected = this.#byOwner.get(owner);
    if (!expected) return;
    if (!expected.created.delete(uid)) expected.shown.add(uid);
    if (isGoing) expected.deleted.delete(uid);
  }

  forget(owner: string): void {
    this.#byOwner.delete(owner);
  }
}
