/**
 * The model's memory: every version of every key, as the events of all revisions say, so that any
 * revision's state can be asked for. Compaction does not touch it.
 *
 * A revision whose events nobody saw is a gap: what it may have touched is uncertain until a later
 * event says how it stands. Whoever asks for something uncertain is told so, and must not judge by it.
 *
 * V1 revisions are appended one after the other, without a hole.
 * V2 a key's versions are in order of revision; of several in one revision the last one counts.
 */
import type { KvPair, WatchEvent } from "../../history/history.js";
import { isInRange, type KeyRange } from "./key-range.js";

/** What a revision did; `prevKv` is never looked at. */
export type StoreEvent = WatchEvent;

interface Version {
  readonly revision: number;
  /** Undefined: deleted. */
  readonly pair: KvPair | undefined;
}

/** A store is at revision 1 before its first write. */
export const FIRST_REVISION = 1;

export class VersionedStore {
  readonly #versions = new Map<string, Version[]>();
  /** All keys that ever were, or may have been, in order. */
  readonly #keys: string[];
  readonly #events: (readonly StoreEvent[] | undefined)[] = [];
  #gaps: number[] = [];

  /** `keys`: all that anybody may have written. */
  constructor(keys: Iterable<string>) {
    this.#keys = [...new Set(keys)].toSorted(byOrder);
    for (const key of this.#keys) this.#versions.set(key, []);
  }

  get lastRevision(): number {
    return FIRST_REVISION + this.#events.length;
  }

  get gaps(): readonly number[] {
    return this.#gaps;
  }

  /** The next revision; undefined where nobody knows what it did. */
  append(events: readonly StoreEvent[] | undefined): void {
    this.#events.push(events);
    const revision = this.lastRevision;
    if (!events) {
      this.#gaps.push(revision);
      return;
    }
    for (const event of events) {
      const version = { revision, pair: event.kind === "put" ? event.kv : undefined };
      const key = keyOf(event);
      const versions = this.#versions.get(key);
      if (versions) versions.push(version);
      else this.#add(key, version);
    }
  }

  /** In their order; undefined for a gap and for what never was. */
  eventsOf(revision: number): readonly StoreEvent[] | undefined {
    return this.#events[revision - FIRST_REVISION - 1];
  }

  get(key: string, revision: number): KvPair | undefined {
    return this.#versionOf(key, revision)?.pair;
  }

  isCertain(key: string, revision: number): boolean {
    if (this.#gaps.length === 0) return true;
    const last = this.#versionOf(key, revision)?.revision ?? FIRST_REVISION;
    return !this.#gaps.some((gap) => gap > last && gap <= revision);
  }

  /** Keys of the range that ever were, in order. */
  keysIn(range: KeyRange): readonly string[] {
    const { rangeEnd } = range;
    if (rangeEnd === undefined || rangeEnd === "") {
      return this.#versions.has(range.key) ? [range.key] : [];
    }
    const found: string[] = [];
    for (let i = this.#placeOf(range.key); i < this.#keys.length; i++) {
      const key = this.#keys[i] as string; // In range by the loop.
      if (!isInRange(range, key)) break;
      found.push(key);
    }
    return found;
  }

  #versionOf(key: string, revision: number): Version | undefined {
    const versions = this.#versions.get(key);
    if (!versions) return undefined;
    let [low, high] = [0, versions.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((versions[middle] as Version).revision <= revision) low = middle + 1; // Below length.
      else high = middle;
    }
    return versions[low - 1];
  }

  #add(key: string, version: Version): void {
    this.#versions.set(key, [version]);
    this.#keys.splice(this.#placeOf(key), 0, key);
  }

  /** The place of the first key that is not below `key`. */
  #placeOf(key: string): number {
    let [low, high] = [0, this.#keys.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#keys[middle] as string) < key) low = middle + 1; // Below length.
      else high = middle;
    }
    return low;
  }
}

export function keyOf(event: StoreEvent): string {
  return event.kind === "put" ? event.kv.key : event.key;
}

function byOrder(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
