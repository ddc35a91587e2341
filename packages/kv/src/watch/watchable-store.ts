/**
 * Who must see which event. A watcher is synced (it has everything, and gets events as they are
 * made) or behind (it is brought up from history in bounded steps). One whose sink is full falls
 * behind; nothing is queued for it, since history is in the store.
 *
 *   create ──start <= revision──▶ behind ──caught up──▶ synced ──sink full──▶ behind
 *      └─────start > revision────────────────────────────▲
 *
 * W1 a watcher gets each event of its range from `next` on once, in order (Ordered, Unique,
 *    Reliable), all of a revision's together (Atomic).
 * W2 no event below a watcher's startRevision is delivered, also when that lies in the future
 *    (etcd issue 20221).
 * W3 what is announced as delivered (progress) has been offered and accepted before.
 */
import { EventType } from "../gen/kv.js";
import type { Event } from "../gen/kv.js";
import { toBinaryString } from "../mvcc/binary-string.js";
import { contains, isSingleKey } from "../mvcc/key-index.js";
import type { Change } from "../mvcc/change.js";
import type { MvccStore } from "../mvcc/mvcc-store.js";
import type { Watcher, WatcherOptions } from "./watcher.js";

/** Revisions that one step brings a watcher forward (etcd's). */
const STEP_REVISIONS = 1_000;
/** Watchers that one step of catching up looks at (etcd's). */
const STEP_WATCHERS = 512;

export class WatchableStore {
  readonly #store: MvccStore;
  /** Synced watchers of one key, by key. */
  readonly #byKey = new Map<string, Set<Watcher>>();
  /** Synced watchers of ranges: those of one range together, so that it is compared once. */
  readonly #byRange = new Map<string, Set<Watcher>>();
  readonly #behind = new Set<Watcher>();

  constructor(store: MvccStore) {
    this.#store = store;
  }

  get hasBehind(): boolean {
    return this.#behind.size > 0;
  }

  create(options: WatcherOptions): Watcher {
    const start = options.startRevision > 0 ? options.startRevision : this.#store.revision + 1;
    const watcher: Watcher = { ...options, startRevision: start, next: start, synced: false };
    if (start > this.#store.revision) this.#sync(watcher);
    else this.#behind.add(watcher);
    return watcher;
  }

  cancel(watcher: Watcher): void {
    this.#behind.delete(watcher);
    this.#unsync(watcher);
  }

  /** Whether everything up to the store's revision has been delivered to it. */
  isCurrent(watcher: Watcher): boolean {
    return watcher.synced;
  }

  /** Offers a transaction's changes to those who watch; called right after it was applied. */
  notify(changes: readonly Change[], revision: number): void {
    if (this.#byKey.size === 0 && this.#byRange.size === 0) return;
    const events = new Map<Watcher, Event[]>();
    for (const { key, event } of changes) {
      for (const watcher of this.#byKey.get(key) ?? []) collect(events, watcher, event);
      for (const group of this.#byRange.values()) {
        const [first] = group;
        if (!first || !contains(first.range, key)) continue;
        for (const watcher of group) collect(events, watcher, event);
      }
    }
    for (const [watcher, own] of events) this.#deliver(watcher, { events: own, revision });
  }

  /** Brings some of those behind forward by a step; true where any of them moved. */
  catchUp(): boolean {
    let moved = false;
    let seen = 0;
    for (const watcher of this.#behind) {
      if (seen++ >= STEP_WATCHERS) break;
      // To the end of the line: everyone gets a turn.
      this.#behind.delete(watcher);
      this.#behind.add(watcher);
      if (this.#step(watcher)) moved = true;
    }
    return moved;
  }

  /**
   * The store was replaced by an image: everyone reads on from where they stand. Those who were
   * synced have seen all up to `previousRevision`, whether or not any of it was for them.
   */
  resyncAll(previousRevision: number): void {
    const synced = [...this.#byKey.values(), ...this.#byRange.values()].flatMap((set) => [...set]);
    for (const watcher of synced) {
      this.#unsync(watcher);
      watcher.next = Math.max(watcher.next, previousRevision + 1);
      if (watcher.next > this.#store.revision) this.#sync(watcher);
      else this.#behind.add(watcher);
    }
  }

  #step(watcher: Watcher): boolean {
    const { revision, compactRevision } = this.#store;
    if (watcher.next < compactRevision) {
      this.cancel(watcher);
      watcher.onCompacted(compactRevision);
      return true;
    }
    if (watcher.next > revision) {
      this.#behind.delete(watcher);
      this.#sync(watcher);
      return true;
    }
    const to = Math.min(revision, watcher.next + STEP_REVISIONS - 1);
    const changes = this.#store.changesBetween(watcher.range, { from: watcher.next, to });
    const events = changes.map(({ event }) => event).filter((event) => wants(watcher, event));
    if (events.length > 0) {
      const batch = { watcher, revision: to, events: this.#withPrevious(watcher, events) };
      if (!watcher.sink(batch)) return false;
    }
    watcher.next = to + 1;
    if (to === revision) {
      this.#behind.delete(watcher);
      this.#sync(watcher);
    }
    return true;
  }

  #deliver(watcher: Watcher, { events, revision }: { events: Event[]; revision: number }): void {
    if (revision < watcher.startRevision) return;
    const wanted = events.filter((event) => wants(watcher, event));
    const batch = { watcher, revision, events: this.#withPrevious(watcher, wanted) };
    if (wanted.length === 0 || watcher.sink(batch)) {
      watcher.next = revision + 1;
      return;
    }
    this.#unsync(watcher);
    watcher.next = Math.max(watcher.startRevision, revision);
    this.#behind.add(watcher);
  }

  /** Each with the pair before it, where the watcher asked for that and history still has it. */
  #withPrevious(watcher: Watcher, events: readonly Event[]): readonly Event[] {
    if (!watcher.prevKv) return events;
    return events.map((event) => {
      const kv = event.kv;
      if (!kv || (event.type === EventType.PUT && kv.createRevision === kv.modRevision))
        return event;
      const before = kv.modRevision - 1;
      if (before < this.#store.compactRevision) return event;
      return { ...event, prevKv: this.#store.get(toBinaryString(kv.key), before) };
    });
  }

  #sync(watcher: Watcher): void {
    watcher.synced = true;
    const [map, key] = this.#placeOf(watcher);
    const group = map.get(key);
    if (group) group.add(watcher);
    else map.set(key, new Set([watcher]));
  }

  #unsync(watcher: Watcher): void {
    if (!watcher.synced) return;
    watcher.synced = false;
    const [map, key] = this.#placeOf(watcher);
    const group = map.get(key);
    group?.delete(watcher);
    if (group?.size === 0) map.delete(key);
  }

  #placeOf({ range }: Watcher): [Map<string, Set<Watcher>>, string] {
    if (isSingleKey(range)) return [this.#byKey, range.start];
    return [this.#byRange, `${range.start.length}:${range.start}${range.end ?? ""}`];
  }
}

function wants({ noPut, noDelete }: Watcher, { type }: Event): boolean {
  return type === EventType.DELETE ? !noDelete : !noPut;
}

function collect(events: Map<Watcher, Event[]>, watcher: Watcher, event: Event): void {
  const own = events.get(watcher);
  if (own) own.push(event);
  else events.set(watcher, [event]);
}
