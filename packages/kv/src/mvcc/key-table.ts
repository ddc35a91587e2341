/**
 * Finds a key's history by a hash of the key: a put would otherwise compare some twenty keys with a
 * long common beginning, which costs more than all else it does. Many small tables with open
 * addressing, so that none takes long to grow.
 *
 * A key that finds no place near where it belongs is not in the table: then `get` and `find` say that
 * they do not know, and the tree answers. So nobody slows a store down by keys that are made to meet.
 */
import { hashOfText } from "./key-hash.js";
import type { KeyHistory } from "./key-history.js";

const TABLES = 1_024;
const SLOTS_MIN = 8;
/** How far from its place a key may lie. */
const DISTANCE_MAX = 32;

interface Table {
  slots: (KeyHistory | undefined)[];
  used: number;
  /** Some of its keys have no place. */
  isPartial: boolean;
}

/** Where a key lies in an array of bytes. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** "unknown": it may be there, but not in the table. */
export type Lookup = KeyHistory | "unknown" | undefined;

export class KeyTable {
  readonly #tables: (Table | undefined)[] = Array.from({ length: TABLES }, () => undefined);

  get(key: string): Lookup {
    const hash = hashOfText(key);
    const table = this.#tables[hash & (TABLES - 1)];
    if (table === undefined) return undefined;
    const { slots } = table;
    for (let i = 0; i < DISTANCE_MAX; i++) {
      const found = slots[slotOf(hash, i, slots.length)];
      if (found === undefined) break;
      if (found.hash === hash && found.key === key) return found;
    }
    return table.isPartial ? "unknown" : undefined;
  }

  /** The same by a key's bytes and their hash: they need not become text for this. */
  find(bytes: Uint8Array, { start, end }: ByteRange, hash: number): Lookup {
    const table = this.#tables[hash & (TABLES - 1)];
    if (table === undefined) return undefined;
    const { slots } = table;
    for (let i = 0; i < DISTANCE_MAX; i++) {
      const found = slots[slotOf(hash, i, slots.length)];
      if (found === undefined) break;
      if (found.hash === hash && isKey(found.key, bytes, { start, end })) return found;
    }
    return table.isPartial ? "unknown" : undefined;
  }

  /** False where it has no place. */
  add(history: KeyHistory): boolean {
    const table = this.#tableOf(history.hash);
    if (2 * ++table.used > table.slots.length) grow(table);
    const isPlaced = place(table.slots, history);
    table.isPartial ||= !isPlaced;
    return isPlaced;
  }

  delete(history: KeyHistory): void {
    const table = this.#tableOf(history.hash);
    table.used--;
    const { slots } = table;
    for (let i = 0; i < DISTANCE_MAX; i++) {
      const slot = slotOf(history.hash, i, slots.length);
      if (slots[slot] !== history) continue;
      slots[slot] = undefined;
      closeGap(slots, slot);
      return;
    }
  }

  #tableOf(hash: number): Table {
    const index = hash & (TABLES - 1);
    const known = this.#tables[index];
    if (known) return known;
    const table = { slots: emptySlots(SLOTS_MIN), used: 0, isPartial: false };
    this.#tables[index] = table;
    return table;
  }
}

function grow(table: Table): void {
  const old = table.slots;
  table.slots = emptySlots(2 * old.length);
  for (const history of old) {
    if (history && !place(table.slots, history)) table.isPartial = true;
  }
}

function emptySlots(length: number): (KeyHistory | undefined)[] {
  // At once as large as it will be: grown by push() it would be allocated three times over.
  const slots: (KeyHistory | undefined)[] = Array(length);
  return slots.fill(undefined);
}

function slotOf(hash: number, distance: number, slots: number): number {
  return ((hash >>> 10) + distance) & (slots - 1); // Powers of two; the low ten bits chose the table.
}

function place(slots: (KeyHistory | undefined)[], history: KeyHistory): boolean {
  for (let i = 0; i < DISTANCE_MAX; i++) {
    const slot = slotOf(history.hash, i, slots.length);
    if (slots[slot] !== undefined) continue;
    slots[slot] = history;
    return true;
  }
  return false;
}

/** Moves back what lies behind an emptied slot only because that was taken. */
function closeGap(slots: (KeyHistory | undefined)[], emptied: number): void {
  const mask = slots.length - 1;
  let gap = emptied;
  for (let at = (gap + 1) & mask; ; at = (at + 1) & mask) {
    const history = slots[at];
    if (history === undefined) return;
    const home = slotOf(history.hash, 0, slots.length);
    // Whether its home lies behind the gap, seen from where it is.
    if (((at - home) & mask) < ((at - gap) & mask)) continue;
    slots[gap] = history;
    slots[at] = undefined;
    gap = at;
  }
}

function isKey(text: string, bytes: Uint8Array, { start, end }: ByteRange): boolean {
  if (text.length !== end - start) return false;
  // Keys differ at their ends more often than at their beginnings.
  for (let i = text.length - 1; i >= 0; i--) {
    if (text.charCodeAt(i) !== bytes[start + i]) return false;
  }
  return true;
}
