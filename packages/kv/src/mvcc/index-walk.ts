/**
 * The first half of a clean-up: goes through all keys, a piece at a time, and takes out of the index
 * what a compaction has superseded.
 */
import type { KeyHistory } from "./key-history.js";
import type { KeyIndex } from "./key-index.js";

export interface IndexWalkOptions {
  readonly index: KeyIndex;
  /** Compacted up to here; it may grow while the walk is under way. */
  readonly revision: () => number;
  readonly kill: (main: number, sub: number) => void;
}

export class IndexWalk {
  readonly #options: IndexWalkOptions;
  /** The key that comes next, and how much of its history is dead already but still in it. */
  #cursor: string | undefined;
  #killed = 0;
  /** The revision grew after some keys had been passed. */
  #isAgainNeeded = false;

  constructor(options: IndexWalkOptions) {
    this.#options = options;
  }

  get isUnderWay(): boolean {
    return this.#cursor !== undefined;
  }

  /** There is a new revision: all keys must be looked at. */
  start(): void {
    if (this.#cursor === undefined) this.#cursor = "";
    else this.#isAgainNeeded = true;
  }

  /** The index is another one. */
  restart(): void {
    this.#cursor = this.#options.revision() > 0 ? "" : undefined;
    this.#killed = 0;
    this.#isAgainNeeded = false;
  }

  /** Goes on with at most so many keys and versions. */
  step(versionsMax: number): void {
    const start = this.#cursor;
    if (start === undefined) return;
    const { index } = this.#options;
    const empty: KeyHistory[] = [];
    let seen = 0;
    this.#cursor = undefined;
    index.forEach({ start, end: undefined }, (key, history) => {
      if (seen >= versionsMax) {
        this.#cursor = key;
        return true;
      }
      const from = key === start ? this.#killed : 0;
      this.#killed = 0;
      const killed = this.#kill(history, from, versionsMax - seen);
      seen += 1 + killed - from;
      if (killed < history.keepFrom(this.#options.revision())) {
        this.#cursor = key;
        this.#killed = killed;
        return true;
      }
      history.dropBefore(killed);
      if (history.isEmpty) empty.push(history);
      return false;
    });
    for (const history of empty) index.remove(history);
    if (this.#cursor !== undefined || !this.#isAgainNeeded) return;
    this.#isAgainNeeded = false;
    this.#cursor = "";
  }

  /** Position behind the last that is dead. Reads at these revisions are refused already. */
  #kill(history: KeyHistory, from: number, versionsMax: number): number {
    const { revision, kill } = this.#options;
    const to = Math.min(history.keepFrom(revision()), from + versionsMax);
    for (let at = from; at < to; at++) kill(history.mainAt(at), history.subAt(at));
    return Math.max(from, to);
  }
}
