/**
 * The pairs read or written last, by revision, encoded as the database holds them: one object each,
 * whatever is in them, so that the collector has little to look at.
 *
 * Two generations instead of one queue: when the young one has half of the budget, the old one goes
 * as a whole. (Taking the first of a Map's entries again and again walks over all that were taken
 * before it: at a hundred thousand entries that cost more than the put itself.)
 */
const BUDGET_BYTES = 64 * 1024 * 1024;
/** What an entry costs besides its bytes, roughly. */
const OVERHEAD_BYTES = 200;
/** Revisions of one transaction above this sub are not cached: one number is the key. */
const SUBS = 1024;

export class ValueCache {
  #young = new Map<number, Uint8Array>();
  #old = new Map<number, Uint8Array>();
  #youngBytes = 0;

  get(main: number, sub: number): Uint8Array | undefined {
    if (sub >= SUBS) return undefined;
    const key = main * SUBS + sub;
    return this.#young.get(key) ?? this.#old.get(key);
  }

  set(main: number, sub: number, value: Uint8Array): void {
    // Beyond 2^43 the combined number would not be exact.
    if (sub >= SUBS || main >= 2 ** 43) return;
    this.#young.set(main * SUBS + sub, value);
    this.#youngBytes += OVERHEAD_BYTES + value.length;
    if (this.#youngBytes <= BUDGET_BYTES / 2) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngBytes = 0;
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
    this.#youngBytes = 0;
  }

  delete(main: number, sub: number): void {
    if (sub >= SUBS) return;
    const key = main * SUBS + sub;
    const young = this.#young.get(key);
    if (young) this.#youngBytes -= OVERHEAD_BYTES + young.length;
    this.#young.delete(key);
    this.#old.delete(key);
  }
}
