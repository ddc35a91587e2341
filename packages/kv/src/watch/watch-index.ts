/**
 * Which watchers a change concerns: those of single keys by key, those of ranges by an interval
 * tree. Watchers of one range are a group, found once and served alike.
 */
import type { Change } from "../mvcc/change.js";
import { isSingleKey, type KeyRange } from "../mvcc/key-index.js";
import { IntervalTree } from "./interval-tree.js";
import type { Watcher } from "./watcher.js";

export class WatchGroup {
  readonly range: KeyRange;
  /** By the watchers' variant. A watcher's `slot` is its position in its list. */
  readonly lists: (Watcher[] | undefined)[] = [];
  size: number = 0;
  /** What `collect` has found since it was taken last. */
  changes: Change[] = [];

  constructor(range: KeyRange) {
    this.range = range;
  }
}

export class WatchIndex {
  readonly #byKey = new Map<string, WatchGroup>();
  readonly #ranges = new IntervalTree<WatchGroup>();
  #size = 0;
  #found: WatchGroup[] = [];
  #change: Change | undefined;
  readonly #visit = (group: WatchGroup): void => this.#add(group);

  get size(): number {
    return this.#size;
  }

  get hasSingleKeys(): boolean {
    return this.#byKey.size > 0;
  }

  add(watcher: Watcher): void {
    const { range, variant } = watcher;
    const isSingle = isSingleKey(range);
    let group = isSingle ? this.#byKey.get(range.start) : this.#ranges.get(range);
    if (!group) {
      group = new WatchGroup(range);
      if (isSingle) this.#byKey.set(range.start, group);
      else this.#ranges.insert(range, group);
    }
    const list = (group.lists[variant] ??= []);
    watcher.group = group;
    watcher.slot = list.length;
    list.push(watcher);
    group.size++;
    this.#size++;
  }

  /** The last of its list takes its slot: whoever walks a list does so from its end. */
  remove(watcher: Watcher): void {
    const { group, slot, variant } = watcher;
    const list = group?.lists[variant];
    const last = list?.pop();
    if (!group || !list || !last) return;
    if (last !== watcher) {
      list[slot] = last;
      last.slot = slot;
    }
    watcher.group = undefined;
    this.#size--;
    if (--group.size > 0) return;
    if (isSingleKey(group.range)) this.#byKey.delete(group.range.start);
    else this.#ranges.delete(group.range);
  }

  forEach(visit: (watcher: Watcher) => void): void {
    const ofGroup = ({ lists }: WatchGroup): void => {
      for (const list of lists) list?.forEach(visit);
    };
    for (const group of this.#byKey.values()) ofGroup(group);
    this.#ranges.forEach(ofGroup);
  }

  /** Adds the change to the `changes` of each group that it concerns. */
  collect(change: Change): void {
    this.#change = change;
    const group = this.#byKey.get(change.key);
    if (group) this.#add(group);
    if (this.#ranges.size > 0) this.#ranges.forEachAt(change.key, this.#visit);
  }

  /** The groups that have changes since this was asked last. */
  takeFound(): readonly WatchGroup[] {
    const found = this.#found;
    this.#found = [];
    return found;
  }

  #add(group: WatchGroup): void {
    if (group.changes.length === 0) this.#found.push(group);
    group.changes.push(this.#change as Change); // `collect` has set it.
  }
}
