/**
 * Values by half-open ranges of keys, asked by key: which ranges contain it. A treap ordered by
 * start and end, each node knowing the greatest end below it; so a key meets the ranges that hold
 * it and a logarithmic number of others, and thousands of prefixes cost a change next to nothing.
 *
 * T1 in order by start, then end (no end is the greatest); one node for a range.
 * T2 `priority` of a node is at least that of its children: the shape is that of random insertion.
 * T3 `maxEnd` is the greatest end in a node's subtree.
 */
import { compareText } from "@sagong/base";
import type { KeyRange } from "../mvcc/key-index.js";

interface Node<T> {
  readonly start: string;
  readonly end: string | undefined;
  readonly value: T;
  readonly priority: number;
  maxEnd: string | undefined;
  left: Node<T> | undefined;
  right: Node<T> | undefined;
}

export class IntervalTree<T> {
  #root: Node<T> | undefined;
  #size = 0;
  /** State of the priorities (xorshift32): never 0. */
  #seed = 0x9e3779b9;

  get size(): number {
    return this.#size;
  }

  get(range: KeyRange): T | undefined {
    let node = this.#root;
    while (node) {
      const order = compare(range, node);
      if (order === 0) return node.value;
      node = order < 0 ? node.left : node.right;
    }
    return undefined;
  }

  /** The range must not be there yet. */
  insert({ start, end }: KeyRange, value: T): void {
    const priority = this.#nextPriority();
    const node = { start, end, value, priority, maxEnd: end, left: undefined, right: undefined };
    this.#root = insert(this.#root, node);
    this.#size++;
  }

  delete(range: KeyRange): void {
    if (this.get(range) === undefined) return;
    this.#root = remove(this.#root, range);
    this.#size--;
  }

  /** Every value whose range contains `key`, in the order of ranges. */
  forEachAt(key: string, visit: (value: T) => void): void {
    visitAt(this.#root, key, visit);
  }

  forEach(visit: (value: T) => void): void {
    visitAll(this.#root, visit);
  }

  #nextPriority(): number {
    let seed = this.#seed;
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    this.#seed = seed;
    return seed >>> 0;
  }
}

function visitAt<T>(node: Node<T> | undefined, key: string, visit: (value: T) => void): void {
  if (!node || !isBelow(key, node.maxEnd)) return;
  visitAt(node.left, key, visit);
  if (key < node.start) return;
  if (isBelow(key, node.end)) visit(node.value);
  visitAt(node.right, key, visit);
}

function visitAll<T>(node: Node<T> | undefined, visit: (value: T) => void): void {
  if (!node) return;
  visitAll(node.left, visit);
  visit(node.value);
  visitAll(node.right, visit);
}

function insert<T>(root: Node<T> | undefined, node: Node<T>): Node<T> {
  if (!root) return node;
  if (compare(node, root) < 0) {
    root.left = insert(root.left, node);
    if (root.left.priority > root.priority) return rotateRight(root, root.left);
  } else {
    root.right = insert(root.right, node);
    if (root.right.priority > root.priority) return rotateLeft(root, root.right);
  }
  measure(root);
  return root;
}

function remove<T>(root: Node<T> | undefined, range: KeyRange): Node<T> | undefined {
  if (!root) return undefined;
  const order = compare(range, root);
  if (order === 0) return join(root.left, root.right);
  if (order < 0) root.left = remove(root.left, range);
  else root.right = remove(root.right, range);
  measure(root);
  return root;
}

/** All of `left` is before all of `right`. */
function join<T>(left: Node<T> | undefined, right: Node<T> | undefined): Node<T> | undefined {
  if (!left) return right;
  if (!right) return left;
  if (left.priority > right.priority) {
    left.right = join(left.right, right);
    measure(left);
    return left;
  }
  right.left = join(left, right.left);
  measure(right);
  return right;
}

function rotateRight<T>(root: Node<T>, left: Node<T>): Node<T> {
  root.left = left.right;
  left.right = root;
  measure(root);
  measure(left);
  return left;
}

function rotateLeft<T>(root: Node<T>, right: Node<T>): Node<T> {
  root.right = right.left;
  right.left = root;
  measure(root);
  measure(right);
  return right;
}

function measure<T>(node: Node<T>): void {
  let { end } = node;
  if (node.left) end = laterEnd(end, node.left.maxEnd);
  if (node.right) end = laterEnd(end, node.right.maxEnd);
  node.maxEnd = end;
}

function laterEnd(a: string | undefined, b: string | undefined): string | undefined {
  return isBelow(a ?? "", b) && a !== undefined ? b : a;
}

/** No end is above every key. */
function isBelow(key: string, end: string | undefined): boolean {
  return end === undefined || key < end;
}

function compare(a: KeyRange, b: KeyRange): number {
  if (a.start !== b.start) return compareText(a.start, b.start);
  if (a.end === b.end) return 0;
  if (a.end === undefined) return 1;
  return b.end === undefined ? -1 : compareText(a.end, b.end);
}
