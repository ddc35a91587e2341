/**
 * The log as the core sees it: what is on disk, what waits to be written, and the cursors into
 * both. All entries since the last compaction are kept in memory; the owner compacts, by entries
 * and by bytes, so that they are bounded by what lies between two compactions plus what is kept for
 * slow followers.
 *
 *   snapshot.index < first … applied <= committed, stable … last
 *
 * L1 entries are consecutive: entry i stands at i - snapshot.index - 1.
 * L2 terms never fall from one entry to the next.
 * L3 applied <= committed <= last; applied <= stable <= last.
 * L4 a committed entry never changes.
 */
import { AssertionError, assert } from "@sagong/base";
import type { Entry, LogIndex, SnapshotMetadata, Term } from "./types.js";

export class RaftLog {
  #snapshot: SnapshotMetadata;
  #entries: Entry[];
  /** For each entry, the bytes of data up to its end; counted from any point, only differences mean something. */
  #ends: number[] = [];
  /** Where the first entry's data begins in that count. */
  #origin = 0;
  /** Entries up to here are on disk. */
  #stable: LogIndex;
  committed: LogIndex;
  applied: LogIndex;

  constructor(snapshot: SnapshotMetadata, entries: readonly Entry[]) {
    this.#snapshot = snapshot;
    this.#entries = [...entries];
    let end = 0;
    for (const { data } of entries) this.#ends.push((end += data.length));
    this.#stable = this.lastIndex;
    this.committed = snapshot.index;
    this.applied = snapshot.index;
    const first = entries[0];
    assert(
      first === undefined || first.index === snapshot.index + 1,
      `the log starts at ${first?.index} after a snapshot at ${snapshot.index}`,
    );
  }

  get snapshot(): SnapshotMetadata {
    return this.#snapshot;
  }

  get firstIndex(): LogIndex {
    return this.#snapshot.index + 1;
  }

  get lastIndex(): LogIndex {
    return this.#snapshot.index + this.#entries.length;
  }

  get lastTerm(): Term {
    return this.#entries.at(-1)?.term ?? this.#snapshot.term;
  }

  get stable(): LogIndex {
    return this.#stable;
  }

  /** Undefined where the entry is compacted or not there yet. */
  termAt(index: LogIndex): Term | undefined {
    if (index === this.#snapshot.index) return this.#snapshot.term;
    return this.#entries[index - this.#snapshot.index - 1]?.term;
  }

  /** Undefined as `termAt` is, and for the entry that the snapshot ends with. */
  entryAt(index: LogIndex): Entry | undefined {
    return this.#entries[index - this.#snapshot.index - 1];
  }

  /** Bytes of data in the entries `(after, upTo]`; all must be there. */
  bytesIn(after: LogIndex, upTo: LogIndex): number {
    return this.#endOf(upTo) - this.#endOf(after);
  }

  /**
   * The lowest index behind which there are at most `maxBytes`: to compact to it keeps no more.
   * Never below the snapshot's.
   */
  indexBefore(maxBytes: number): LogIndex {
    const total = this.#endOf(this.lastIndex);
    let [low, high] = [0, this.#entries.length];
    // Ends never fall: the first place whose end leaves at most maxBytes behind it.
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (total - this.#endOf(this.#snapshot.index + middle) > maxBytes) low = middle + 1;
      else high = middle;
    }
    return this.#snapshot.index + low;
  }

  /** Entries from `from` on, at most `maxBytes` of them but at least one. */
  slice(from: LogIndex, maxBytes: number): Entry[] {
    if (from < this.firstIndex) {
      throw new AssertionError(`entry ${from} is compacted: the log starts at ${this.firstIndex}`);
    }
    const result: Entry[] = [];
    let bytes = 0;
    for (let i = from - this.firstIndex; i < this.#entries.length; i++) {
      const entry = this.#entries[i] as Entry; // In range by the loop.
      bytes += entry.data.length;
      if (result.length > 0 && bytes > maxBytes) break;
      result.push(entry);
    }
    return result;
  }

  /** Entries `(after, upTo]`; all must be there. */
  range(after: LogIndex, upTo: LogIndex): Entry[] {
    return this.#entries.slice(after - this.#snapshot.index, upTo - this.#snapshot.index);
  }

  /** Adds entries of a leader's own. */
  append(entries: readonly Entry[]): void {
    let end = this.#endOf(this.lastIndex);
    for (const entry of entries) {
      if (entry.index !== this.lastIndex + 1) {
        throw new AssertionError(`entry ${entry.index} after ${this.lastIndex}`);
      }
      if (entry.term < this.lastTerm) {
        throw new AssertionError(`entry of term ${entry.term} after term ${this.lastTerm}`);
      }
      this.#entries.push(entry);
      this.#ends.push((end += entry.data.length));
    }
  }

  /**
   * Takes a leader's entries (§5.3): finds where they conflict, drops from there on, adds the rest.
   * The caller has checked that the entry before them agrees.
   */
  merge(entries: readonly Entry[]): void {
    const news = entries.findIndex((entry) => this.termAt(entry.index) !== entry.term);
    const first = entries[news];
    if (first === undefined) return;
    if (first.index <= this.lastIndex) {
      assert(
        first.index > this.committed,
        `entry ${first.index} conflicts below the commit index ${this.committed}`,
      );
      this.#entries.length = first.index - this.firstIndex;
      this.#ends.length = this.#entries.length;
      this.#stable = Math.min(this.#stable, first.index - 1);
    }
    this.append(news === 0 ? entries : entries.slice(news));
  }

  /** The last index not above `index` whose term is not above `term` (§5.3, fast back-up). */
  findConflict(index: LogIndex, term: Term): { index: LogIndex; term: Term } {
    let at = Math.min(index, this.lastIndex);
    while (at > this.#snapshot.index && (this.termAt(at) ?? 0) > term) at--;
    return { index: at, term: this.termAt(at) ?? 0 };
  }

  /** Whether a candidate's log is at least as up to date as ours (§5.4.1). */
  isUpToDate(lastIndex: LogIndex, lastTerm: Term): boolean {
    return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex);
  }

  unstable(): Entry[] {
    return this.#entries.slice(this.#stable - this.#snapshot.index);
  }

  /** Entries up to (index, term) are on disk, unless they were replaced meanwhile. */
  stableTo(index: LogIndex, term: Term): void {
    if (index > this.#stable && this.termAt(index) === term) this.#stable = index;
  }

  commitTo(index: LogIndex): void {
    if (index <= this.committed) return;
    if (index > this.lastIndex) {
      throw new AssertionError(`commit index ${index} is beyond the last entry ${this.lastIndex}`);
    }
    this.committed = index;
  }

  /** Committed entries on disk that wait to be applied. */
  applicable(): Entry[] {
    return this.range(this.applied, Math.min(this.committed, this.#stable));
  }

  appliedTo(index: LogIndex): void {
    if (index < this.applied || index > this.committed) {
      throw new AssertionError(`applied ${index} outside [${this.applied}, ${this.committed}]`);
    }
    this.applied = index;
  }

  /** Forgets entries up to `index`, which must be applied. */
  compact(index: LogIndex): void {
    if (index <= this.#snapshot.index) return;
    assert(index <= this.applied, `cannot compact to ${index}: applied is ${this.applied}`);
    const term = this.termAt(index);
    assert(term !== undefined, `cannot compact to ${index}: it is not in the log`);
    this.#origin = this.#endOf(index);
    this.#entries.splice(0, index - this.#snapshot.index);
    this.#ends.splice(0, index - this.#snapshot.index);
    // A spread would make an object of another shape, on which V8 forgets all code that it has compiled.
    this.#snapshot = { index, term, confState: this.#snapshot.confState };
  }

  /** Replaces everything by an image of the state machine (§7). */
  restore(snapshot: SnapshotMetadata): void {
    this.#snapshot = snapshot;
    this.#entries = [];
    this.#ends = [];
    this.#origin = 0;
    this.#stable = snapshot.index;
    this.committed = snapshot.index;
    this.applied = snapshot.index;
  }

  #endOf(index: LogIndex): number {
    if (index <= this.#snapshot.index) return this.#origin;
    const end = this.#ends[index - this.#snapshot.index - 1];
    if (end === undefined) {
      throw new AssertionError(`entry ${index} is beyond the last entry ${this.lastIndex}`);
    }
    return end;
  }
}
