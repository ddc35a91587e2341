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
  readonly #gaps: number[] = [];

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
    const known = this.#versionOf(key, revision)?.revision ?? FIRST_REVISION;
    const gap = this.#gaps[firstPlace(this.#gaps.length, (i) => this.#gapAt(i) > revision) - 1];
    return gap === undefined || gap < known;
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
    const at = (place: number): number => (versions[place] as Version).revision; // Below length.
    return versions[firstPlace(versions.length, (place) => at(place) > revision) - 1];
  }

  #gapAt(place: number): number {
    return this.#gaps[place] as number; // Below length.
  }

  #add(key: string, version: Version): void {
    this.#versions.set(key, [version]);
    this.#keys.splice(this.#placeOf(key), 0, key);
  }

  /** The place of the first key that is not below `key`. */
  #placeOf(key: string): number {
    const at = (place: number): string => this.#keys[place] as string; // Below length.
    return firstPlace(this.#keys.length, (place) => at(place) >= key);
  }
}

/** The first of `count` places at which `isSo` holds, as it does at all later ones; `count` if none. */
function firstPlace(count: number, isSo: (place: number) => boolean): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isSo(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

export function keyOf(event: StoreEvent): string {
  return event.kind === "put" ? event.kv.key : event.key;
}

function byOrder(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
