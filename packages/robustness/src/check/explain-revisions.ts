/**
 * Whose doing were the revisions that nobody was told of? Each must be the effect of a request of
 * unknown outcome that was made in time, or the end of a lease; of each at most once. A deletion says
 * nothing about who did it, so this is a matching between revisions and those who may have done them,
 * found by augmenting paths (Berge 1957; Kuhn 1955): where it finds none, there is none.
 */
import { assert } from "@sagong/base";
import type { History, Operation } from "../history/history.js";
import { areSameEvents } from "./model/compare-answers.js";
import { evaluate } from "./model/evaluate.js";
import { ALL_KEYS } from "./model/key-range.js";
import { keyOf, type StoreEvent, type VersionedStore } from "./model/versioned-store.js";
import { isDeleting, mayDelete, putValuesOf } from "./requests.js";

export interface Unexplained {
  readonly revision: number;
  /** The latest moment that is left for it; undefined: any. */
  readonly deadline: number | undefined;
}

export interface Explanation {
  /** By revision: the request that must have made it, where it was a request. */
  readonly writers: ReadonlyMap<number, Operation>;
  /** Those that are nobody's, with whoever would fit but for the time, or was needed elsewhere. */
  readonly unexplained: readonly {
    readonly revision: number;
    readonly fitting: readonly Operation[];
  }[];
}

/** `operations` are those of unknown outcome. */
export function explainRevisions(
  revisions: readonly Unexplained[],
  { store, operations }: { readonly store: VersionedStore } & Pick<History, "operations">,
): Explanation {
  const candidates = new Candidates(store, operations);
  const matching = new Matching();
  const unexplained: Explanation["unexplained"][number][] = [];
  for (const { revision, deadline } of revisions) {
    const events = store.eventsOf(revision);
    assert(events !== undefined, `Cannot explain revision ${revision}: nobody saw its events`);
    const fitting = candidates.of(revision, events);
    // What rests on a gap cannot be judged.
    if (fitting === "anybody") continue;
    const inTime = fitting.filter(
      (who) => typeof who === "string" || deadline === undefined || who.calledAt <= deadline,
    );
    if (matching.add(revision, inTime)) continue;
    const requests = fitting.filter((who) => typeof who !== "string");
    unexplained.push({ revision, fitting: requests });
  }
  return { writers: matching.operations(), unexplained };
}

/** A request, or a lease by its id. */
type Explainer = Operation | string;

class Candidates {
  readonly #store: VersionedStore;
  readonly #byValue = new Map<string, Operation[]>();
  readonly #deleting: readonly Operation[];

  constructor(store: VersionedStore, operations: readonly Operation[]) {
    this.#store = store;
    for (const operation of operations) {
      for (const value of putValuesOf(operation.request)) {
        const known = this.#byValue.get(value);
        if (known) known.push(operation);
        else this.#byValue.set(value, [operation]);
      }
    }
    this.#deleting = operations.filter(isDeleting);
  }

  of(revision: number, events: readonly StoreEvent[]): readonly Explainer[] | "anybody" {
    const put = events.find((event) => event.kind === "put");
    const possible = put
      ? (this.#byValue.get(put.kv.value) ?? [])
      : this.#deleting.filter((operation) =>
          events.every((one) => mayDelete(operation, keyOf(one))),
        );
    const found: Explainer[] = [];
    let isCertain = true;
    for (const operation of possible) {
      if (operation.request.kind === "compact") continue;
      const evaluation = evaluate(this.#store, revision - 1, operation.request);
      if (!evaluation.isCertain) isCertain = false;
      if (areSameEvents(evaluation.events, events)) found.push(operation);
    }
    const lease = put ? undefined : this.#leaseOf(revision, events);
    if (lease !== undefined) found.push(lease);
    return isCertain ? found : "anybody";
  }

  /** The lease whose keys these are, all of them and no other: the end of a lease is one revision. */
  #leaseOf(revision: number, events: readonly StoreEvent[]): string | undefined {
    const [first] = events;
    const before = revision - 1;
    const lease = first && this.#store.get(keyOf(first), before)?.lease;
    if (lease === undefined) return undefined;
    const keys = this.#store
      .keysIn(ALL_KEYS)
      .filter((key) => this.#store.get(key, before)?.lease === lease);
    // In order of keys, as etcd has it.
    const deleted = events.map(keyOf);
    const isWhole = keys.length === deleted.length && keys.every((key, i) => key === deleted[i]);
    return isWhole ? lease : undefined;
  }
}

class Matching {
  readonly #candidates = new Map<number, readonly Explainer[]>();
  readonly #revisionOf = new Map<Explainer, number>();

  /** False where the revision cannot be explained beside all those before it. */
  add(revision: number, candidates: readonly Explainer[]): boolean {
    this.#candidates.set(revision, candidates);
    return this.#augment(revision, new Set());
  }

  operations(): ReadonlyMap<number, Operation> {
    const operations = new Map<number, Operation>();
    for (const [who, revision] of this.#revisionOf) {
      if (typeof who !== "string") operations.set(revision, who);
    }
    return operations;
  }

  #augment(revision: number, tried: Set<Explainer>): boolean {
    for (const who of this.#candidates.get(revision) ?? []) {
      if (tried.has(who)) continue;
      tried.add(who);
      const other = this.#revisionOf.get(who);
      if (other !== undefined && !this.#augment(other, tried)) continue;
      this.#revisionOf.set(who, revision);
      return true;
    }
    return false;
  }
}
