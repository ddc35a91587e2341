/**
 * What belongs to each open stream, by its number. A `Map` does the same, and makes garbage of a
 * kind that is dear where entries come and go by the hundred thousand: each of its tables, once it
 * is full and left for the next, still refers to that one and to what was open then, so that a
 * third of all that calls ever made was copied by every collection.
 *
 * Numbers rise, so that streams lie side by side in slots, by their low bits. A stream whose slot
 * is held by an older one, which stays, goes into a map after all.
 */

const SLOTS_MIN = 32;
/** As many as are worth their room for one connection; beyond half of them the map takes over. */
const SLOTS_MAX = 4_096;

export class StreamMap<T> {
  /** The stream in each slot, 0 where there is none; and what belongs to it. */
  #ids = new Uint32Array(SLOTS_MIN);
  #values: (T | undefined)[] = slotsOf(SLOTS_MIN);
  #size = 0;
  readonly #others = new Map<number, T>();

  get size(): number {
    return this.#size;
  }

  get(streamId: number): T | undefined {
    const slot = this.#slotOf(streamId);
    if (this.#ids[slot] === streamId) return this.#values[slot];
    return this.#others.size === 0 ? undefined : this.#others.get(streamId);
  }

  has(streamId: number): boolean {
    return this.#ids[this.#slotOf(streamId)] === streamId || this.#others.has(streamId);
  }

  /** `streamId` is at least 1. */
  set(streamId: number, value: T): void {
    if (this.delete(streamId)) return this.set(streamId, value);
    if (2 * this.#size >= this.#ids.length && this.#ids.length < SLOTS_MAX) this.#grow();
    this.#size++;
    this.#put(streamId, value);
  }

  delete(streamId: number): boolean {
    const slot = this.#slotOf(streamId);
    if (this.#ids[slot] === streamId) {
      this.#ids[slot] = 0;
      this.#values[slot] = undefined;
    } else if (this.#others.size === 0 || !this.#others.delete(streamId)) {
      return false;
    }
    this.#size--;
    return true;
  }

  clear(): void {
    this.#ids.fill(0);
    this.#values.fill(undefined);
    this.#others.clear();
    this.#size = 0;
  }

  /** What there is now, by rising numbers: the map may change meanwhile. */
  values(): readonly T[] {
    return this.#entries().map(([, value]) => value);
  }

  #entries(): (readonly [number, T])[] {
    const entries: (readonly [number, T])[] = [...this.#others];
    for (const [slot, streamId] of this.#ids.entries()) {
      // A slot with a number has what belongs to it.
      if (streamId !== 0) entries.push([streamId, this.#values[slot] as T]);
    }
    return entries.sort(([a], [b]) => a - b);
  }

  #put(streamId: number, value: T): void {
    const slot = this.#slotOf(streamId);
    if (this.#ids[slot] !== 0) {
      this.#others.set(streamId, value);
      return;
    }
    this.#ids[slot] = streamId;
    this.#values[slot] = value;
  }

  #grow(): void {
    const entries = this.#entries();
    const slots = 2 * this.#ids.length;
    this.#ids = new Uint32Array(slots);
    this.#values = slotsOf(slots);
    this.#others.clear();
    for (const [streamId, value] of entries) this.#put(streamId, value);
  }

  /** Clients' streams have odd numbers. */
  #slotOf(streamId: number): number {
    return (streamId >>> 1) & (this.#ids.length - 1);
  }
}

function slotsOf<T>(slots: number): (T | undefined)[] {
  return Array.from({ length: slots }, () => undefined);
}
