/**
 * The order of real time: given the one order in which a store changed, is there a moment for each
 * change such that everybody's answer fits between their call and their return?
 *
 * The changes are a list, places 1 to n. What is known of their moments t(1) <= t(2) <= … <= t(n):
 *   notBefore(i, m): t(i) >= m, for the change had not happened yet at m;
 *   notAfter(i, m): t(i) <= m, for somebody knew of it at m.
 * Moments that fit exist exactly if no `notBefore` of a place is later than a `notAfter` of the same or
 * a later place. (Needed, since t(i) <= t(j) for i <= j. Enough: let t(j) be the latest `notBefore` of
 * the places up to j. These ascend, each is at or behind its own, and none is behind its `notAfter`.)
 * One pass over the places decides it.
 *
 * An answer that changes nothing and fits between the changes i and j, i < j, needs a moment p within
 * [call, return] and [t(i), t(j)]: there is one exactly if t(i) <= return and t(j) >= call.
 */

export interface Bound {
  readonly moment: number;
  /** Who says so, for people. */
  readonly witness: () => string;
  readonly atMs: number | undefined;
}

export interface Contradiction {
  /** Of the change that is too late for the one and too early for the other. */
  readonly notBefore: Bound;
  readonly notAfter: Bound;
}

export class RealTime {
  readonly #notBefore: (Bound | undefined)[];
  readonly #notAfter: (Bound | undefined)[];

  /** Places are 1 to `count`; whatever is said of others is no constraint. */
  constructor(count: number) {
    this.#notBefore = Array.from({ length: count + 1 });
    this.#notAfter = Array.from({ length: count + 1 });
  }

  notBefore(place: number, bound: Bound): void {
    if (place < 1 || place >= this.#notBefore.length) return;
    const known = this.#notBefore[place];
    if (!known || bound.moment > known.moment) this.#notBefore[place] = bound;
  }

  notAfter(place: number, bound: Bound): void {
    if (place < 1 || place >= this.#notAfter.length) return;
    const known = this.#notAfter[place];
    if (!known || bound.moment < known.moment) this.#notAfter[place] = bound;
  }

  /** The latest moment that is left for each place; index 0 is of no meaning. */
  deadlines(): readonly (Bound | undefined)[] {
    const deadlines = [...this.#notAfter];
    for (let place = deadlines.length - 2; place >= 1; place--) {
      const [own, next] = [deadlines[place], deadlines[place + 1]];
      if (next && (!own || next.moment < own.moment)) deadlines[place] = next;
    }
    return deadlines;
  }

  /** One for each bound that something later contradicts; none where all is well. */
  contradictions(): readonly Contradiction[] {
    const found: Contradiction[] = [];
    let latest: Bound | undefined;
    let told: Bound | undefined;
    for (let place = 1; place < this.#notBefore.length; place++) {
      const own = this.#notBefore[place];
      if (own && (!latest || own.moment > latest.moment)) latest = own;
      const notAfter = this.#notAfter[place];
      if (!latest || !notAfter || notAfter.moment >= latest.moment || told === latest) continue;
      told = latest;
      found.push({ notBefore: latest, notAfter });
    }
    return found;
  }
}
