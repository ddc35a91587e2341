/**
 * Sorts histories by their keys, three characters at a time, as numbers: what keys have in common is
 * looked at once and not with every comparison, and the memory that a key lies in is touched a few
 * times instead of twenty. Keys of a store are long and share most of it: comparing them whole took
 * several times as long.
 *
 *     group ─▶ depth up to which all agree ─▶ next three characters and place, in one number
 *           ─▶ numbers sorted ─▶ groups of those with the same three
 */
import type { KeyHistory } from "./key-history.js";

/** Fewer are sorted by comparing them. */
const FEW = 8;
const DIGITS = 3;
/** A character is a byte; or there is none, which sorts before all. */
const CODES = 257;
/** Room for the place in its group: 257^3 times this is below 2^53. */
const PLACES = 2 ** 28;

/** Pairs so far apart tell whether all is nearly in order: all of them but a few are. */
const SAMPLES = 1_024;
const NEAR = 4_096;
const BEHIND_MAX = 8;

interface Group {
  readonly from: number;
  readonly to: number;
  /** All keys of the group agree in so many characters. */
  readonly depth: number;
}

export function sortHistories(histories: KeyHistory[]): void {
  if (isNearlySorted(histories)) {
    // TimSort: what is in order, but for places near each other, is looked at a few times.
    histories.sort((a, b) => (a.key < b.key ? -1 : 1));
    return;
  }
  const numbers = new Float64Array(histories.length);
  const groups: Group[] = [{ from: 0, to: histories.length, depth: 0 }];
  for (let group = groups.pop(); group !== undefined; group = groups.pop()) {
    if (group.to - group.from < FEW) insertionSort(histories, group.from, group.to);
    else sortByDigits(histories, numbers, { group, groups });
  }
}

/** Keys that were written in order, as far as many writers at once keep one. */
function isNearlySorted(histories: readonly KeyHistory[]): boolean {
  const last = histories.length - 1;
  const step = Math.ceil(histories.length / SAMPLES);
  let behind = 0;
  for (let i = 0; i < last; i += step) {
    const [one, later] = [histories[i], histories[Math.min(i + NEAR, last)]];
    if (one && later && one.key > later.key) behind++;
  }
  return behind <= BEHIND_MAX;
}

function sortByDigits(
  histories: KeyHistory[],
  numbers: Float64Array,
  { group, groups }: { readonly group: Group; readonly groups: Group[] },
): void {
  const { from, to } = group;
  const depth = commonDepth(histories, group);
  const own = numbers.subarray(from, to);
  for (let i = from; i < to; i++) {
    const digits = digitsAt((histories[i] as KeyHistory).key, depth); // In range.
    own[i - from] = digits * PLACES + (i - from);
  }
  own.sort();
  const before = histories.slice(from, to);
  let start = from;
  let last = -1;
  for (let i = from; i < to; i++) {
    const number = own[i - from] as number; // In range, as below.
    const digits = Math.floor(number / PLACES);
    histories[i] = before[number - digits * PLACES] as KeyHistory;
    if (digits === last) continue;
    addGroup(groups, { from: start, to: i, depth: depth + DIGITS }, last);
    start = i;
    last = digits;
  }
  addGroup(groups, { from: start, to, depth: depth + DIGITS }, last);
}

/** Those whose keys have ended are one at most: keys differ. */
function addGroup(groups: Group[], group: Group, digits: number): void {
  if (group.to - group.from > 1 && digits % CODES !== 0) groups.push(group);
}

function digitsAt(key: string, depth: number): number {
  let digits = 0;
  for (let i = depth; i < depth + DIGITS; i++) {
    digits = digits * CODES + (i < key.length ? key.charCodeAt(i) + 1 : 0);
  }
  return digits;
}

/** How many characters all keys have in common. */
function commonDepth(histories: readonly KeyHistory[], { from, to, depth }: Group): number {
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
