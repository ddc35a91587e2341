/**
 * All keys, each with its history: by a hash to find one, in a tree to find those of a range. A key
 * that was deleted stays until a compaction takes its last revision.
 */
import { toBinaryString } from "./binary-string.js";
import { hashOfBytes } from "./key-hash.js";
import { KeyHistory } from "./key-history.js";
import { type ByteRange, KeyTable } from "./key-table.js";
import { KeyTree } from "./key-tree.js";
import type { Revision } from "./revision.js";
import { sortHistories } from "./sort-histories.js";

/** Half open; `end` undefined: to the last key. */
export interface KeyRange {
  readonly start: string;
  readonly end: string | undefined;
}

/** etcd's convention: no range_end is one key, "\0" is everything from the key on. */
export function keyRange(key: string, rangeEnd: string): KeyRange {
  if (rangeEnd === "") return { start: key, end: `${key}\0` };
  return { start: key, end: rangeEnd === "\0" ? undefined : rangeEnd };
}

export function isSingleKey({ start, end }: KeyRange): boolean {
  return (
    end !== undefined &&
    end.length === start.length + 1 &&
    end.endsWith("\0") &&
    end.startsWith(start)
  );
}

export function contains({ start, end }: KeyRange, key: string): boolean {
  return key >= start && (end === undefined || key < end);
}

export class KeyIndex {
  #tree = new KeyTree();
  #table = new KeyTable();
  /** Found last: a put asks for its key more than once. */
  #last: KeyHistory | undefined;
  /** Taken up by a restart, and not in the tree yet. */
  #restored: KeyHistory[] = [];
  /** Those of them that the table has no place for. */
  #restoredBeside = new Map<string, KeyHistory>();

  get size(): number {
    return this.#tree.size;
  }

  get(key: string): KeyHistory | undefined {
    if (this.#last?.key === key) return this.#last;
    const found = this.#table.get(key);
    return this.#remember(found === "unknown" ? this.#tree.get(key) : found);
  }

  /** The key as text: the one that the index has, where it has it. */
  textOf(key: Uint8Array): string {
    const found = this.#table.find(key, { start: 0, end: key.length }, hashOfBytes(key));
    if (found === undefined || found === "unknown") return toBinaryString(key);
    this.#last = found;
    return found.key;
  }

  #remember(history: KeyHistory | undefined): KeyHistory | undefined {
    if (history) this.#last = history;
    return history;
  }

  /** A change of the key: it is in the index from then on. */
  put(key: string, place: Revision): KeyHistory {
    const known = this.get(key);
    if (known) {
      if (known.isDeleted) this.#tree.addLive(key, 1);
      known.put(place.main, place.sub);
      return known;
    }
    const history = new KeyHistory(key);
    history.put(place.main, place.sub);
    this.#tree.add(history);
    this.#table.add(history);
    return history;
  }

  /** `history` must be of a key that exists. */
  markDeleted(history: KeyHistory, place: Revision): void {
    this.#tree.addLive(history.key, -1);
    history.delete(place.main, place.sub);
  }

  /** Takes out a key without history. */
  remove(history: KeyHistory): void {
    this.#tree.remove(history);
    this.#table.delete(history);
    this.#last = undefined;
  }

  // ── Opening ──────────────────────────────────────────────────────────────────────────────────

  /** The history of a key that the database holds; it is not in order before `finishRestore`. */
  restore(bytes: Uint8Array, { start, end }: ByteRange): KeyHistory {
    const hash = hashOfBytes(bytes, start, end);
    const found = this.#table.find(bytes, { start, end }, hash);
    if (found !== undefined && found !== "unknown") return found;
    const key = toBinaryString(bytes, start, end);
    const known = found === "unknown" ? this.#restoredBeside.get(key) : undefined;
    if (known) return known;
    const history = new KeyHistory(key, hash);
    this.#restored.push(history);
    if (!this.#table.add(history)) this.#restoredBeside.set(key, history);
    return history;
  }

  finishRestore(): void {
    const restored = this.#restored;
    this.#restored = [];
    this.#restoredBeside.clear();
    sortHistories(restored);
    this.#tree.fill(restored);
  }

  /** Takes over all keys of `other`, which is not to be used any more. */
  adopt(other: KeyIndex): void {
    this.#tree = other.#tree;
    this.#table = other.#table;
    this.#last = undefined;
  }

  // ── Ranges ───────────────────────────────────────────────────────────────────────────────────

  /** How many keys of a range exist at present. */
  countLive({ start, end }: KeyRange): number {
    if (end !== undefined && end <= start) return 0;
    return this.#tree.liveBefore(end) - this.#tree.liveBefore(start);
  }

  /** In order of keys. `visit` returns true to stop. It must not add or remove keys. */
  forEach(range: KeyRange, visit: (key: string, history: KeyHistory) => boolean | void): void {
    const { start, end } = range;
    if (isSingleKey(range)) {
      const history = this.get(start);
      if (history) visit(start, history);
      return;
    }
    this.#tree.forEachFrom(start, (history) => {
      if (end !== undefined && history.key >= end) return true;
      return visit(history.key, history) === true;
    });
  }
}
