/** All keys in order, each with its history. */
import { compareText } from "@sagong/base";
import { BTree } from "./btree.js";
import { KeyHistory } from "./key-history.js";

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
  #tree = new BTree<string, KeyHistory>(undefined, compareText);

  get size(): number {
    return this.#tree.size;
  }

  get(key: string): KeyHistory | undefined {
    return this.#tree.get(key);
  }

  getOrCreate(key: string): KeyHistory {
    const known = this.#tree.get(key);
    if (known) return known;
    const history = new KeyHistory();
    this.#tree.set(key, history);
    return history;
  }

  /** Takes over all keys of `other`, which is not to be used any more. */
  adopt(other: KeyIndex): void {
    this.#tree = other.#tree;
  }

  delete(key: string): void {
    this.#tree.delete(key);
  }

  /** In order of keys. `visit` returns true to stop. It must not add or remove keys. */
  forEach(range: KeyRange, visit: (key: string, history: KeyHistory) => boolean | void): void {
    if (isSingleKey(range)) {
      const history = this.#tree.get(range.start);
      if (history) visit(range.start, history);
      return;
    }
    for (const [key, history] of this.#tree.entries(range.start)) {
      if (range.end !== undefined && key >= range.end) return;
      if (visit(key, history) === true) return;
    }
  }
}
