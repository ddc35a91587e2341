/**
 * The revisions of one key, in order: the key index's leaf. Flat numbers instead of objects, since
 * there is one of these for every key in memory; the latest revision is in the object itself, and
 * most keys have no other.
 *
 *   put@2 put@5 delete@7 put@9     →   older [2,0, 5,0, 7,~0]   latest 9,0   created 9, version 1
 *
 * H1 mains grow strictly: a transaction changes a key at most once.
 * H2 `created` and `version` are those of the present life; 0 while the key is deleted.
 *
 * A position counts the revisions from 0, the oldest.
 */

import { hashOfText } from "./key-hash.js";
import type { Revision } from "./revision.js";
import { numberAt, type RevisionList, tailOf, withPair, withPairAt } from "./revision-list.js";

/** Nothing: what a history without older revisions shares with all others. Never written to. */
const NONE: RevisionList = [];

export class KeyHistory {
  readonly key: string;
  /** Of the key. */
  readonly hash: number;
  /** Pairs of main and sub; a delete has its sub complemented, so it is negative. */
  #older: RevisionList = NONE;
  /** 0 where there is none. */
  #main = 0;
  #sub = 0;
  created = 0;
  version = 0;

  constructor(key: string, hash: number = hashOfText(key)) {
    this.key = key;
    this.hash = hash;
  }

  put(main: number, sub: number): void {
    this.#push(main, sub);
    if (this.created === 0) this.created = main;
    this.version++;
  }

  delete(main: number, sub: number): void {
    this.#push(main, ~sub);
    this.created = 0;
    this.version = 0;
  }

  /**
   * Takes up a stored change; `version` is 0 for a delete. Mostly, but not always, in order. True
   * where it is the latest so far.
   */
  restore(
    { main, sub }: Revision,
    { version, createRevision }: { readonly version: number; readonly createRevision: number },
  ): boolean {
    const signed = version === 0 ? ~sub : sub;
    if (main <= this.#main) {
      this.#insert(main, signed);
      return false;
    }
    this.#push(main, signed);
    this.created = createRevision;
    this.version = version;
    return true;
  }

  #push(main: number, signedSub: number): void {
    if (this.#main !== 0) {
      // An array of exactly two first: what grows from none is made for sixteen.
      if (this.#older.length === 0) this.#older = [this.#main, this.#sub];
      else this.#older = withPair(this.#older, this.#main, this.#sub);
    }
    this.#main = main;
    this.#sub = signedSub;
  }

  #insert(main: number, signedSub: number): void {
    const at = 2 * (this.positionAt(main) + 1);
    if (this.#older === NONE) this.#older = [main, signedSub];
    else this.#older = withPairAt(this.#older, at, [main, signedSub]);
  }

  /** How many revisions there are. */
  get count(): number {
    return this.#main === 0 ? 0 : this.#older.length / 2 + 1;
  }

  get isEmpty(): boolean {
    return this.#main === 0;
  }

  get isDeleted(): boolean {
    return this.created === 0;
  }

  /** Position of the last change at or before `main`; -1 where there is none. */
  positionAt(main: number): number {
    const older = this.#older;
    // The latest is asked for nearly always; a long history is searched by halves.
    if (this.#main <= main) return this.count - 1;
    let [low, high] = [0, older.length / 2];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((numberAt(older, 2 * middle) as number) <= main) low = middle + 1; // Below high, in range.
      else high = middle;
    }
    return low - 1;
  }

  mainAt(position: number): number {
    return numberAt(this.#older, 2 * position) ?? this.#main; // Callers have positions from this object.
  }

  subAt(position: number): number {
    const sub = this.#signedSubAt(position);
    return sub < 0 ? ~sub : sub;
  }

  isDeleteAt(position: number): boolean {
    return this.#signedSubAt(position) < 0;
  }

  #signedSubAt(position: number): number {
    return numberAt(this.#older, 2 * position + 1) ?? this.#sub;
  }

  /**
   * Where the changes begin that a compaction at `revision` keeps: the last one at or before it
   * and all after. A delete is kept only where it is at `revision` itself, so that a watch that
   * begins there still sees it (etcd issues 18089 and 19179).
   */
  keepFrom(revision: number): number {
    const at = this.positionAt(revision);
    if (at < 0) return 0;
    return this.isDeleteAt(at) && this.mainAt(at) < revision ? at + 1 : at;
  }

  /** Forgets the changes before `position`. */
  dropBefore(position: number): void {
    if (position >= this.count) {
      this.#older = NONE;
      this.#main = 0;
    } else if (position > 0) {
      this.#older = 2 * position === this.#older.length ? NONE : tailOf(this.#older, 2 * position);
    }
  }
}
