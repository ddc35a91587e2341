/**
 * The revisions of one key, in order: the key index's leaf. Flat numbers instead of objects, since
 * there is one of these for every key in memory.
 *
 *   put@2 put@5 delete@7 put@9     →   revisions [2,0, 5,0, 7,~0, 9,0]   created 9, version 1
 *
 * H1 mains grow strictly: a transaction changes a key at most once.
 * H2 `created` and `version` are those of the present life; 0 while the key is deleted.
 */

/** Pairs of main and sub; a delete has its sub complemented, so it is negative. */
export class KeyHistory {
  revisions: number[] = [];
  created = 0;
  version = 0;

  put(main: number, sub: number): void {
    this.revisions.push(main, sub);
    if (this.created === 0) this.created = main;
    this.version++;
  }

  delete(main: number, sub: number): void {
    this.revisions.push(main, ~sub);
    this.created = 0;
    this.version = 0;
  }

  get isEmpty(): boolean {
    return this.revisions.length === 0;
  }

  get isDeleted(): boolean {
    return this.created === 0;
  }

  /** Position of the last change at or before `main`; -1 where there is none. */
  positionAt(main: number): number {
    const { revisions } = this;
    let at = revisions.length - 2;
    // The latest is asked for nearly always; a long history is searched by halves.
    if (at < 0 || (revisions[at] as number) <= main) return at; // In range.
    let [low, high] = [0, at / 2];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((revisions[2 * middle] as number) <= main) low = middle + 1; // Below high, in range.
      else high = middle;
    }
    at = 2 * (low - 1);
    return at;
  }

  mainAt(position: number): number {
    return this.revisions[position] as number; // Callers have positions from this object.
  }

  subAt(position: number): number {
    const sub = this.revisions[position + 1] as number; // As above.
    return sub < 0 ? ~sub : sub;
  }

  isDeleteAt(position: number): boolean {
    return (this.revisions[position + 1] as number) < 0; // As above.
  }

  /**
   * Where the changes begin that a compaction at `revision` keeps: the last one at or before it
   * and all after. A delete is kept only where it is at `revision` itself, so that a watch that
   * begins there still sees it (etcd issues 18089 and 19179).
   */
  keepFrom(revision: number): number {
    const at = this.positionAt(revision);
    if (at < 0) return 0;
    return this.isDeleteAt(at) && this.mainAt(at) < revision ? at + 2 : at;
  }
}
