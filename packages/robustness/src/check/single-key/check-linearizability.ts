/**
 * Whether a concurrent history could have been a sequential one (Herlihy and Wing 1990): is there an
 * order of its operations that the sequential model allows, in which every operation that returned
 * before another was called also comes before it? The search is Wing and Gong's (1993) with Lowe's
 * memory of configurations already tried (2017).
 *
 * Verified:
 * - every operation of known outcome has a place between its call and its return where the model
 *   gives that outcome;
 * - an operation of unknown outcome takes effect at most once, and not before its call.
 * Not verified:
 * - anything that the model does not look at;
 * - that an operation of unknown outcome ever takes effect: it may at any later time, or never;
 * - a history whose search needs more than `configurationsMax`: the verdict is then "undecided", and
 *   neither a proof nor a refutation.
 *
 * L1 a configuration is the set of operations taken and the model's state; none is tried twice.
 * L2 of two configurations that differ only in operations of unknown outcome, the one that has taken
 *    fewer can do all that the other can: the other need not be tried.
 * L3 an operation may be taken next while it was called no later than every one that is not taken
 *    yet returned.
 */

/** One operation with its place in time; `calledAt` and `returnedAt` are of one clock. */
export interface Span<Operation> {
  readonly operation: Operation;
  readonly calledAt: number;
  /** Undefined where the outcome is unknown. */
  readonly returnedAt: number | undefined;
}

export interface SequentialModel<State, Operation> {
  readonly initial: State;
  /**
   * Where `operation` may lead: none where it cannot have had its outcome here; of unknown outcome,
   * the states in which it took an effect.
   */
  step(state: State, operation: Operation): readonly State[];
  /** True where `operation`, of known outcome, has no place after `state`: neither next nor later. */
  isTooLate(state: State, operation: Operation): boolean;
  /** The same text for the same state, and for no other. */
  keyOf(state: State): string;
}

export type Verdict<State, Operation> =
  | { readonly kind: "linearizable" }
  | {
      readonly kind: "not-linearizable";
      /** The longest order that was found: so many operations, of which these are the last ones. */
      readonly takenCount: number;
      readonly lastTaken: readonly Span<Operation>[];
      /** The state after them, and what had to come next and could not. */
      readonly state: State;
      readonly stuck: readonly Span<Operation>[];
    }
  | { readonly kind: "undecided"; readonly configurations: number };

export interface CheckLimits {
  /** Configurations after which the search gives up. Each costs about a hundred bytes. */
  readonly configurationsMax: number;
}

const DEFAULT_LIMITS: CheckLimits = { configurationsMax: 2_000_000 };
/** How much of the longest order a refutation shows. */
const LAST_TAKEN_MAX = 8;

export function checkLinearizability<State, Operation>(
  model: SequentialModel<State, Operation>,
  history: readonly Span<Operation>[],
  { configurationsMax }: CheckLimits = DEFAULT_LIMITS,
): Verdict<State, Operation> {
  const search = new Search(model, history);
  const stack: Frame<State>[] = [search.frame({ state: model.initial, lost: 0n }, undefined)];
  while (!search.isDone) {
    const frame = stack.at(-1);
    if (!frame) return search.refutation();
    const move = frame.moves[frame.tried++];
    if (move) {
      search.take(move.index);
      if (search.isNew(move.after)) stack.push(search.frame(move.after, move.index));
      else search.undo(move.index);
    } else if (!frame.isWidened) {
      search.widen(frame);
    } else {
      stack.pop();
      if (frame.by !== undefined) search.undo(frame.by);
    }
    const configurations = search.configurationCount;
    if (configurations > configurationsMax) return { kind: "undecided", configurations };
  }
  return { kind: "linearizable" };
}

/** What there is beside the known operations that were taken. */
interface Situation<State> {
  readonly state: State;
  /** The operations of unknown outcome that were taken, as bits. */
  readonly lost: bigint;
}

interface Move<State> {
  /** Of a known operation. */
  readonly index: number;
  readonly after: Situation<State>;
}

interface Frame<State> {
  readonly situation: Situation<State>;
  /** The known operation that led here; none at the beginning. */
  readonly by: number | undefined;
  moves: readonly Move<State>[];
  tried: number;
  /** True once the moves are those that operations of unknown outcome make possible. */
  isWidened: boolean;
}

/**
 * The known operations that are not taken yet, as a list in order of call that takes back in
 * constant time what is undone (Knuth's dancing links), and the memory of configurations.
 */
class Search<State, Operation> {
  readonly #model: SequentialModel<State, Operation>;
  readonly #known: readonly Span<Operation>[];
  readonly #lost: readonly Span<Operation>[];
  /** Links between positions; position `length` is both ends. */
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #order: number[] = [];
  /** For each set of known operations and state, the sets of others that it was tried with. */
  readonly #tried = new Map<string, bigint[]>();
  #best: { readonly order: readonly number[]; readonly state: State };
  configurationCount = 0;

  constructor(model: SequentialModel<State, Operation>, history: readonly Span<Operation>[]) {
    this.#model = model;
    const byCall = history.toSorted((a, b) => a.calledAt - b.calledAt);
    this.#known = byCall.filter(({ returnedAt }) => returnedAt !== undefined);
    this.#lost = byCall.filter(({ returnedAt }) => returnedAt === undefined);
    const ring = this.#known.length + 1;
    this.#next = Int32Array.from({ length: ring }, (_, i) => (i + 1) % ring);
    this.#previous = Int32Array.from({ length: ring }, (_, i) => (i + ring - 1) % ring);
    this.#best = { order: [], state: model.initial };
  }

  get isDone(): boolean {
    return this.#order.length === this.#known.length;
  }

  frame(situation: Situation<State>, by: number | undefined): Frame<State> {
    if (this.#order.length > this.#best.order.length) {
      this.#best = { order: this.#order.slice(), state: situation.state };
    }
    const moves = this.#movesFrom(situation);
    return { situation, by, moves, tried: 0, isWidened: false };
  }

  /**
   * Operations of unknown outcome are needed only where no known one fits. All that some of them can
   * lead to, fewest first: those that need more are then mostly not worth a try (L2).
   */
  widen(frame: Frame<State>): void {
    const reached = [frame.situation];
    for (const { state, lost } of reached) {
      for (const [index, { operation }] of this.#nextLost()) {
        const bit = 1n << BigInt(index);
        if ((lost & bit) !== 0n) continue;
        for (const after of this.#model.step(state, operation)) {
          const situation = { state: after, lost: lost | bit };
          if (this.isNew(situation)) reached.push(situation);
        }
      }
    }
    frame.moves = reached.slice(1).flatMap((situation) => this.#movesFrom(situation));
    frame.tried = 0;
    frame.isWidened = true;
  }

  take(index: number): void {
    this.#order.push(index);
    const [before, after] = [at(this.#previous, index), at(this.#next, index)];
    this.#next[before] = after;
    this.#previous[after] = before;
  }

  undo(index: number): void {
    this.#order.pop();
    this.#next[at(this.#previous, index)] = index;
    this.#previous[at(this.#next, index)] = index;
  }

  /** Remembers the present configuration; false where it, or one that can do more (L2), was tried. */
  isNew({ state, lost }: Situation<State>): boolean {
    const key = `${this.#takenKey()}:${this.#model.keyOf(state)}`;
    const tried = this.#tried.get(key) ?? [];
    if (tried.some((fewer) => (fewer & lost) === fewer)) return false;
    tried.push(lost);
    this.#tried.set(key, tried);
    this.configurationCount++;
    return true;
  }

  refutation(): Verdict<State, Operation> {
    const { order, state } = this.#best;
    const taken = new Set(order);
    const left = this.#known.filter((_, index) => !taken.has(index));
    const endsAt = Math.min(...left.map(({ returnedAt = 0 }) => returnedAt));
    return {
      kind: "not-linearizable",
      takenCount: order.length,
      lastTaken: order.slice(-LAST_TAKEN_MAX).map((index) => this.#known[index] as Span<Operation>), // Indices are of this very list.
      state,
      stuck: left.filter(({ calledAt }) => calledAt <= endsAt),
    };
  }

  #movesFrom({ state, lost }: Situation<State>): readonly Move<State>[] {
    const moves: Move<State>[] = [];
    for (const [index, { operation }] of this.#nextKnown()) {
      if (this.#model.isTooLate(state, operation)) return [];
      for (const after of this.#model.step(state, operation)) {
        moves.push({ index, after: { state: after, lost } });
      }
    }
    return moves;
  }

  /** The known operations that may come next (L3), with their positions. */
  *#nextKnown(): Generator<readonly [index: number, span: Span<Operation>]> {
    const end = this.#known.length;
    let endsAt = Number.POSITIVE_INFINITY;
    for (let index = at(this.#next, end); index !== end; index = at(this.#next, index)) {
      const span = this.#known[index] as Span<Operation>; // The list holds positions.
      if (span.calledAt > endsAt) return;
      yield [index, span];
      endsAt = Math.min(endsAt, span.returnedAt as number); // Known ones have returned.
    }
  }

  /** The operations of unknown outcome that may come next (L3), taken or not. */
  *#nextLost(): Generator<readonly [index: number, span: Span<Operation>]> {
    // Whichever returns first of all that are left is among those that may come next.
    const returns = [...this.#nextKnown()].map(([, { returnedAt }]) => returnedAt as number);
    const endsAt = Math.min(...returns);
    for (const [index, span] of this.#lost.entries()) {
      if (span.calledAt > endsAt) return;
      yield [index, span];
    }
  }

  /**
   * Which known operations are taken, in few words: how many, and which of those called before the
   * last one taken are not. With n taken, that one is passed once n of the positions are.
   */
  #takenKey(): string {
    const end = this.#known.length;
    const taken = this.#order.length;
    let key = `${taken}`;
    let skipped = 0;
    for (let index = at(this.#next, end); index !== end; index = at(this.#next, index)) {
      if (index - skipped === taken) break;
      key += `,${index}`;
      skipped++;
    }
    return key;
  }
}

function at(links: Int32Array, index: number): number {
  return links[index] as number; // Links point within the list.
}
