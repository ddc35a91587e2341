/**
 * Sorts histories by their keys: "multikey quicksort" (Bentley and Sedgewick 1997), which looks at one
 * character at a time and never again at a beginning that keys have in common. Keys of a store are
 * long and share most of it: comparing them whole took four times as long.
 */
import type { KeyHistory } from "./key-history.js";

/** Fewer are sorted by comparing them. */
const FEW = 12;

export function sortHistories(histories: KeyHistory[]): void {
  // From, to and depth of what is still to be sorted; on the heap, for keys may be long.
  const ranges: number[] = [0, histories.length, 0];
  while (ranges.length > 0) {
    const depth = ranges.pop() ?? 0;
    const to = ranges.pop() ?? 0;
    const from = ranges.pop() ?? 0;
    if (to - from < FEW) insertionSort(histories, from, to);
    else partition(histories, { from, to, depth }, ranges);
  }
}

/** Below, equal to and above one character, by which the three parts are told apart. */
function partition(
  histories: KeyHistory[],
  { from, to, depth }: { readonly from: number; readonly to: number; readonly depth: number },
  ranges: number[],
): void {
  const pivot = pivotOf(histories, { from, to, depth });
  let [low, at, high] = [from, from, to];
  while (at < high) {
    const history = histories[at] as KeyHistory; // In range.
    const code = codeAt(history.key, depth);
    if (code === pivot) at++;
    else if (code < pivot) swap(histories, low++, at++);
    else swap(histories, at, --high);
  }
  if (low === from && high === to && pivot >= 0) {
    // All have this character in common, and likely more: found in one pass instead of one for each.
    ranges.push(from, to, commonDepth(histories, { from, to, depth: depth + 1 }));
    return;
  }
  ranges.push(from, low, depth, high, to, depth);
  // Keys that have ended are equal: there is one at most.
  if (pivot >= 0) ranges.push(low, high, depth + 1);
}

/** How many characters all keys have in common, which are known to share the first `depth`. */
function commonDepth(
  histories: readonly KeyHistory[],
  { from, to, depth }: { readonly from: number; readonly to: number; readonly depth: number },
): number {
  const first = (histories[from] as KeyHistory).key; // In range, as those below.
  let common = first.length;
  for (let i = from + 1; i < to && common > depth; i++) {
    const { key } = histories[i] as KeyHistory;
    let at = depth;
    while (at < common && at < key.length && key.charCodeAt(at) === first.charCodeAt(at)) at++;
    common = at;
  }
  return common;
}

function pivotOf(
  histories: readonly KeyHistory[],
  { from, to, depth }: { readonly from: number; readonly to: number; readonly depth: number },
): number {
  const code = (at: number): number => codeAt((histories[at] as KeyHistory).key, depth); // In range.
  const [a, b, c] = [code(from), code((from + to) >> 1), code(to - 1)];
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}

/** -1 behind the end: a key sorts before those that it begins. */
function codeAt(key: string, depth: number): number {
  return depth < key.length ? key.charCodeAt(depth) : -1;
}

function swap(histories: KeyHistory[], a: number, b: number): void {
  const other = histories[a] as KeyHistory; // In range, both.
  histories[a] = histories[b] as KeyHistory;
  histories[b] = other;
}

function insertionSort(histories: KeyHistory[], from: number, to: number): void {
  for (let i = from + 1; i < to; i++) {
    const moved = histories[i] as KeyHistory; // In range.
    let at = i;
    for (; at > from && moved.key < (histories[at - 1] as KeyHistory).key; at--) {
      histories[at] = histories[at - 1] as KeyHistory;
    }
    histories[at] = moved;
  }
}
