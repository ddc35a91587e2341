/**
 * All keys in order: a B+ tree whose leaves are the histories themselves. Each node knows how many
 * keys below it exist at present, so that the keys of a range are counted without a visit to each.
 *
 * T1 the keys of a leaf, and of a node's children, ascend; `firsts[i]` is at most the first key below
 *    child i, and above all keys below child i - 1.
 * T2 `live` of a node is the number of histories below it that are not deleted.
 */
import type { KeyHistory } from "./key-history.js";

/** Entries of a node. Fewer make a higher tree, more a longer move for each new key. */
const ENTRIES_MAX = 64;
/** Of a node that is made from sorted keys: some will come between. */
const ENTRIES_FILLED = 56;
/** A node with fewer goes into its neighbour where that has room. */
const ENTRIES_MIN = 16;

interface Leaf {
  readonly isLeaf: true;
  items: KeyHistory[];
  live: number;
}

interface Inner {
  readonly isLeaf: false;
  nodes: Node[];
  firsts: string[];
  live: number;
}

type Node = Leaf | Inner;

export class KeyTree {
  #root: Node = { isLeaf: true, items: [], live: 0 };
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** How many keys exist at present. */
  get live(): number {
    return this.#root.live;
  }

  /** Replaces everything by `sorted`, in order of keys. */
  fill(sorted: readonly KeyHistory[]): void {
    this.#size = sorted.length;
    let nodes: Node[] = [];
    for (let i = 0; i < sorted.length; i += ENTRIES_FILLED) {
      const items = sorted.slice(i, i + ENTRIES_FILLED);
      nodes.push({ isLeaf: true, items, live: liveIn(items) });
    }
    while (nodes.length > 1) {
      const parents: Node[] = [];
      for (let i = 0; i < nodes.length; i += ENTRIES_FILLED) {
        parents.push(innerOf(nodes.slice(i, i + ENTRIES_FILLED)));
      }
      nodes = parents;
    }
    this.#root = nodes[0] ?? { isLeaf: true, items: [], live: 0 };
  }

  get(key: string): KeyHistory | undefined {
    let node = this.#root;
    while (!node.isLeaf) node = node.nodes[childFor(node, key)] as Node; // In range.
    const found = node.items[lowerBound(node.items, key)];
    return found?.key === key ? found : undefined;
  }

  /** A key that is not there yet. */
  add(history: KeyHistory): void {
    this.#size++;
    const sibling = insert(this.#root, history);
    if (sibling) this.#root = innerOf([this.#root, sibling]);
  }

  /** A key that is there. */
  remove(history: KeyHistory): void {
    this.#size--;
    remove(this.#root, history);
    while (!this.#root.isLeaf && this.#root.nodes.length === 1) {
      this.#root = this.#root.nodes[0] as Node; // There is one.
    }
  }

  /** A key came to exist (1) or was deleted (-1). */
  addLive(key: string, change: number): void {
    let node = this.#root;
    for (;;) {
      node.live += change;
      if (node.isLeaf) return;
      node = node.nodes[childFor(node, key)] as Node; // In range.
    }
  }

  /** How many keys below `end` exist at present; all where it is undefined. */
  liveBefore(end: string | undefined): number {
    if (end === undefined) return this.#root.live;
    let count = 0;
    let node = this.#root;
    while (!node.isLeaf) {
      const at = childFor(node, end);
      for (let i = 0; i < at; i++) count += (node.nodes[i] as Node).live; // In range.
      node = node.nodes[at] as Node; // As above.
    }
    const at = lowerBound(node.items, end);
    for (let i = 0; i < at; i++) if (!(node.items[i] as KeyHistory).isDeleted) count++; // As above.
    return count;
  }

  /** In order, from `start` on. `visit` returns true to stop; it must not add or remove keys. */
  forEachFrom(start: string, visit: (history: KeyHistory) => boolean): void {
    walk(this.#root, start, visit);
  }
}

function walk(node: Node, start: string, visit: (history: KeyHistory) => boolean): boolean {
  if (node.isLeaf) {
    for (let i = lowerBound(node.items, start); i < node.items.length; i++) {
      if (visit(node.items[i] as KeyHistory)) return true; // In range.
    }
    return false;
  }
  for (let i = childFor(node, start); i < node.nodes.length; i++) {
    if (walk(node.nodes[i] as Node, start, visit)) return true; // In range.
  }
  return false;
}

/** Gives the new right neighbour of a node that had to be split. */
function insert(node: Node, history: KeyHistory): Node | undefined {
  if (!history.isDeleted) node.live++;
  if (node.isLeaf) {
    const at = lowerBound(node.items, history.key);
    node.items.splice(at, 0, history);
    return node.items.length > ENTRIES_MAX ? splitLeaf(node, at) : undefined;
  }
  const at = childFor(node, history.key);
  const sibling = insert(node.nodes[at] as Node, history); // In range.
  if (sibling === undefined) return undefined;
  node.nodes.splice(at + 1, 0, sibling);
  node.firsts.splice(at + 1, 0, firstKey(sibling));
  return node.nodes.length > ENTRIES_MAX ? splitInner(node) : undefined;
}

/** By halves; but keys that come in order leave full nodes behind. */
function splitLeaf(node: Leaf, inserted: number): Leaf {
  const at = inserted === node.items.length - 1 ? ENTRIES_FILLED : node.items.length >> 1;
  const items = node.items.slice(at);
  node.items = node.items.slice(0, at);
  const live = liveIn(items);
  node.live -= live;
  return { isLeaf: true, items, live };
}

function splitInner(node: Inner): Inner {
  const at = node.nodes.length >> 1;
  const sibling = innerOf(node.nodes.slice(at), node.firsts.slice(at));
  node.nodes = node.nodes.slice(0, at);
  node.firsts = node.firsts.slice(0, at);
  node.live -= sibling.live;
  return sibling;
}

function remove(node: Node, history: KeyHistory): void {
  if (!history.isDeleted) node.live--;
  if (node.isLeaf) {
    node.items.splice(lowerBound(node.items, history.key), 1);
    return;
  }
  const at = childFor(node, history.key);
  const child = node.nodes[at] as Node; // In range.
  remove(child, history);
  if (entriesOf(child) >= ENTRIES_MIN) return;
  const left = at > 0 ? at - 1 : at;
  joinWithNext(node, left);
}

/** Puts a child and its right neighbour into one where they fit, with room for more. */
function joinWithNext(node: Inner, at: number): void {
  const [left, right] = [node.nodes[at], node.nodes[at + 1]];
  if (left === undefined || right === undefined) return;
  if (entriesOf(left) + entriesOf(right) > ENTRIES_FILLED) return;
  if (left.isLeaf && right.isLeaf) left.items = [...left.items, ...right.items];
  else if (!left.isLeaf && !right.isLeaf) {
    left.nodes = [...left.nodes, ...right.nodes];
    left.firsts = [...left.firsts, ...right.firsts];
  }
  left.live += right.live;
  node.nodes.splice(at + 1, 1);
  node.firsts.splice(at + 1, 1);
}

function entriesOf(node: Node): number {
  return node.isLeaf ? node.items.length : node.nodes.length;
}

function innerOf(nodes: Node[], firsts: string[] = nodes.map(firstKey)): Inner {
  let live = 0;
  for (const node of nodes) live += node.live;
  return { isLeaf: false, nodes, firsts, live };
}

function firstKey(node: Node): string {
  return (node.isLeaf ? node.items[0]?.key : node.firsts[0]) ?? "";
}

function liveIn(items: readonly KeyHistory[]): number {
  let live = 0;
  for (const history of items) if (!history.isDeleted) live++;
  return live;
}

/** Position of the first history whose key is not below `key`. */
function lowerBound(items: readonly KeyHistory[], key: string): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((items[middle] as KeyHistory).key < key) low = middle + 1; // In range.
    else high = middle;
  }
  return low;
}

/** Index of the child in which `key` is, or would be. */
function childFor({ firsts }: Inner, key: string): number {
  let [low, high] = [1, firsts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((firsts[middle] as string) <= key) low = middle + 1; // In range.
    else high = middle;
  }
  return low - 1;
}
