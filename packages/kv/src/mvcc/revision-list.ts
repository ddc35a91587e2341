/**
 * The older revisions of one key, as pairs of numbers in order. Few are an array: most keys have few.
 * Many are bytes: V8's collector looks through every array of numbers whenever it marks, and a key that
 * is written all the time has millions of revisions between two compactions.
 */

/** From so many numbers on they are bytes. */
export const LONG = 512;

export type RevisionList = number[] | LongList;

export class LongList {
  length: number;
  #numbers: Float64Array;

  constructor(numbers: ArrayLike<number>) {
    this.length = numbers.length;
    this.#numbers = new Float64Array(2 * numbers.length);
    this.#numbers.set(numbers);
  }

  /** Callers stay below the length. */
  at(index: number): number {
    return this.#numbers[index] as number;
  }

  push(first: number, second: number): void {
    const at = this.length;
    if (at + 2 > this.#numbers.length) {
      const grown = new Float64Array(2 * this.#numbers.length);
      grown.set(this.#numbers);
      this.#numbers = grown;
    }
    this.#numbers[at] = first;
    this.#numbers[at + 1] = second;
    this.length += 2;
  }

  /** A view, until the next change. */
  from(start: number): Float64Array {
    return this.#numbers.subarray(start, this.length);
  }

  insert(at: number, first: number, second: number): void {
    this.push(first, second);
    this.#numbers.copyWithin(at + 2, at, this.length - 2);
    this.#numbers[at] = first;
    this.#numbers[at + 1] = second;
  }
}

/** Undefined behind the end. */
export function numberAt(list: RevisionList, index: number): number | undefined {
  if (!(list instanceof LongList)) return list[index];
  return index < list.length ? list.at(index) : undefined;
}

/** With a pair behind all others; the list that was given must not be used any more. */
export function withPair(list: RevisionList, first: number, second: number): RevisionList {
  if (!(list instanceof LongList) && list.length >= LONG) return longer(list, first, second);
  list.push(first, second);
  return list;
}

function longer(list: readonly number[], first: number, second: number): LongList {
  const long = new LongList(list);
  long.push(first, second);
  return long;
}

/** With a pair at an index; likewise. */
export function withPairAt(
  list: RevisionList,
  at: number,
  [first, second]: readonly [first: number, second: number],
): RevisionList {
  if (list instanceof LongList) list.insert(at, first, second);
  else list.splice(at, 0, first, second);
  return list;
}

/** What stands from `start` on. */
export function tailOf(list: RevisionList, start: number): RevisionList {
  if (!(list instanceof LongList)) return list.slice(start);
  const tail = list.from(start);
  return tail.length < LONG ? [...tail] : new LongList(tail);
}
