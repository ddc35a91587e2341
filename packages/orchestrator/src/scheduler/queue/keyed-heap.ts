/**
 * A priority queue whose entries can be taken out by key: a binary heap that knows where each key
 * lies. All changes cost O(log n). Pure.
 *
 * KH1 no entry comes before its parent.
 * KH2 a key is in the heap once, and `#places` says where.
 */
interface Entry<Value> {
  readonly key: string;
  readonly value: Value;
}

export class KeyedHeap<Value> {
  /** Negative where the first comes before the second. Ties are broken by the caller. */
  readonly #compare: (a: Value, b: Value) => number;
  readonly #entries: Entry<Value>[] = [];
  readonly #places = new Map<string, number>();

  constructor(compare: (a: Value, b: Value) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#entries.length;
  }

  first(): Entry<Value> | undefined {
    return this.#entries[0];
  }

  /** Adds, or replaces what is there under the key. */
  set(key: string, value: Value): void {
    this.delete(key);
    this.#entries.push({ key, value });
    this.#rise(this.#entries.length - 1);
  }

  delete(key: string): boolean {
    const place = this.#places.get(key);
    if (place === undefined) return false;
    this.#places.delete(key);
    const last = this.#entries.pop();
    if (!last || last.key === key) return true;
    this.#put(place, last);
    this.#sink(this.#rise(place));
    return true;
  }

  /** Where the entry ends up. */
  #rise(from: number): number {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!this.#isBefore(place, parent)) break;
      this.#swap(place, parent);
      place = parent;
    }
    this.#put(place, this.#at(place));
    return place;
  }

  #sink(from: number): void {
    let place = from;
    for (;;) {
      let least = place;
      for (const child of [2 * place + 1, 2 * place + 2]) {
        if (child < this.#entries.length && this.#isBefore(child, least)) least = child;
      }
      if (least === place) return;
      this.#swap(place, least);
      place = least;
    }
  }

  #isBefore(a: number, b: number): boolean {
    return this.#compare(this.#at(a).value, this.#at(b).value) < 0;
  }

  #swap(a: number, b: number): void {
    const [first, second] = [this.#at(a), this.#at(b)];
    this.#put(a, second);
    this.#put(b, first);
  }

  #put(place: number, entry: Entry<Value>): void {
    this.#entries[place] = entry;
    this.#places.set(entry.key, place);
  }

  #at(place: number): Entry<Value> {
    const entry = this.#entries[place];
    if (!entry) throw new Error(`The heap has no place ${place}, it has ${this.#entries.length}`);
    return entry;
  }
}
