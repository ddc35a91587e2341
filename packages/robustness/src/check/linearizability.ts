/**
 * Linearizability of the key-value history, over all keys at once (Herlihy and Wing 1990; etcd API
 * guarantees, "Linearizability").
 *
 * Verified:
 * - every answer is the model's (model/evaluate.ts) at the revision that it carries: pairs with their
 *   revisions, versions and leases, counts, limits, comparisons, previous pairs;
 * - every revision is one request's doing, or the end of one lease; no request acts twice, and none
 *   that was refused acts at all;
 * - real time: an answer's revision is not older than what anybody knew before its call, and not newer
 *   than what had been asked for by its return; watches count as knowing what they delivered;
 * - serializable reads: a state that the store did have, at the latest at the return;
 * - compaction: what is compacted is refused and what is not is answered, of each revision at most one
 *   compaction succeeds, and only of revisions that exist.
 * Not verified:
 * - refusals for other reasons (leases that are gone: leases.ts), and that requests are done at all;
 * - what rests on a gap (store-sequence.ts says so);
 * - compactions of unknown outcome: each refusal may take them as done or not, as suits it.
 * Taken for granted: nobody else writes to the store, and values are unique (H2).
 *
 * Why this decides it. Let a history be linearizable: there is an order of its operations that the
 * model allows and that keeps real time. The model's state is a revision and a compacted revision. Each
 * write makes exactly one revision, the next, and tells it: so the order has the writes in the order
 * of revisions, and the state at each revision is fixed by the writes up to it. Each successful
 * compaction tells the revision at which it happened, and they happen in the order of what they
 * compact. So the order of all changes, and all states between them, are known and need no search. An
 * operation that changes nothing fits exactly between two places of that order: from the change that
 * made its revision (or made what it was refused for) to the one that would have spoiled its answer.
 * Operations without effect between the same changes can stand in any order. So the history is
 * linearizable exactly if (a) each answer is the model's at its place, (b) revisions that nobody was
 * told of are matched to requests of unknown outcome that were called in time (explain-revisions.ts;
 * what is left of these may never take effect), and (c) changes have moments that suit all
 * (real-time.ts). That a request of unknown outcome stands at its place only says that the change is
 * not before its call, and whether that suits the others does not depend on who else is matched: so
 * (b) and (c) can be decided one after the other.
 */
import { assert } from "@sagong/base";
import type { History, KvRequest, KvResponse, Operation, Violation } from "../history/history.js";
import { eventRevision } from "../history/recording.js";
import type { CheckContext } from "./check-context.js";
import { describeOperation } from "./describe-operation.js";
import { explainRevisions } from "./explain-revisions.js";
import { describeEvents, differenceOf } from "./model/compare-answers.js";
import { evaluate } from "./model/evaluate.js";
import { FIRST_REVISION } from "./model/versioned-store.js";
import { type Bound, RealTime } from "./real-time.js";
import { hasWritten, linearizable, sequenceOf, type StoreSequence } from "./store-sequence.js";
import { describeWatch } from "./watch/watch-batches.js";

export function checkLinearizable(
  history: History,
  context: CheckContext = {},
  sequence: StoreSequence = sequenceOf(history, context),
): readonly Violation[] {
  return [
    ...sequence.violations,
    ...checkAnswers(history, sequence),
    ...new Order(history, context, sequence).check(),
  ];
}

/** (a): what was answered is what the model answers at that revision. */
function checkAnswers({ operations }: History, { store }: StoreSequence): readonly Violation[] {
  const violations: Violation[] = [];
  for (const operation of operations) {
    const { request, outcome } = operation;
    if (outcome.kind !== "answered") continue;
    const { response } = outcome;
    const { revision } = response;
    const fault = (text: string): void => {
      violations.push(linearizable(`${text}\n    ${describeOperation(operation)}`, operation));
    };
    // What is beyond the last one has been told of already.
    if (revision > store.lastRevision) continue;
    if (revision < FIRST_REVISION || (hasWritten(response) && revision === FIRST_REVISION)) {
      fault(`An answer of revision ${revision}, at which no store was when it did this`);
      continue;
    }
    if (request.kind === "compact") {
      if (request.revision > revision) fault("A compaction of a revision that was not there");
      continue;
    }
    const before = revisionBefore(response);
    for (const past of pastRevisionsOf(request, response)) {
      if (past > before) fault(`A read of revision ${past}, when the store was at ${before}`);
    }
    const { answer, isCertain } = evaluate(store, before, request);
    const difference = isCertain ? differenceOf(response, answer) : undefined;
    if (difference !== undefined) fault(`An answer is not the model's: ${difference}`);
  }
  return violations;
}

/** The state on which it was evaluated. */
function revisionBefore(response: KvResponse): number {
  return hasWritten(response) ? response.revision - 1 : response.revision;
}

/** (b) and (c). */
class Order {
  readonly #history: History;
  readonly #context: CheckContext;
  readonly #sequence: StoreSequence;
  readonly #violations: Violation[] = [];
  /** Acknowledged, in the order of what they compact. */
  readonly #compactions: readonly Compaction[];
  /** The place of each revision's write among all changes; compactions stand between them. */
  readonly #places: readonly number[];
  readonly #time: RealTime;
  readonly #unknownCompactions: readonly Operation[];

  constructor(history: History, context: CheckContext, sequence: StoreSequence) {
    this.#history = history;
    this.#context = context;
    this.#sequence = sequence;
    const { lastRevision } = sequence.store;
    const acknowledged = history.operations
      .filter((operation) => operation.request.kind === "compact")
      .flatMap((operation) => compactionOf(operation, lastRevision))
      .toSorted((a, b) => a.madeAt - b.madeAt || a.revision - b.revision);
    const places: number[] = [];
    let place = 0;
    let next = 0;
    for (let revision = FIRST_REVISION; revision <= lastRevision; revision++) {
      // The first revision is no change: place 0.
      if (revision > FIRST_REVISION) place++;
      places[revision] = place;
      for (let one = acknowledged[next]; one?.madeAt === revision; one = acknowledged[++next]) {
        one.place = ++place;
      }
    }
    this.#compactions = acknowledged;
    this.#unknownCompactions = history.operations.filter(
      ({ request, outcome }) => request.kind === "compact" && outcome.kind === "unknown",
    );
    this.#places = places;
    this.#time = new RealTime(place);
  }

  check(): readonly Violation[] {
    this.#checkCompactions();
    for (const operation of this.#history.operations) this.#place(operation);
    this.#placeWatches();
    this.#explain();
    for (const { notBefore, notAfter } of this.#time.contradictions()) {
      const text =
        `Time goes back: the first of these knew what the second, later, did not:` +
        `\n    ${notAfter.witness()}\n    ${notBefore.witness()}`;
      const { atMs } = notBefore;
      this.#violations.push({
        guarantee: "linearizable",
        text,
        ...(atMs !== undefined && { atMs }),
      });
    }
    return this.#violations;
  }

  /** What is compacted never falls: not in the order of the revisions at which it was done. */
  #checkCompactions(): void {
    for (const [i, { operation, revision }] of this.#compactions.entries()) {
      const before = this.#compactions[i - 1];
      if (!before || before.revision < revision) continue;
      this.#fault("A compaction of what was compacted already", operation, before.operation);
    }
  }

  #place(operation: Operation): void {
    const { outcome, request } = operation;
    if (outcome.kind === "unknown") return;
    if (outcome.kind === "refused") return this.#placeRefused(operation, outcome.error);
    const { response } = outcome;
    const place = this.#placeOf(response.revision);
    if (place === undefined) return;
    const { called, returned } = boundsOf(operation);
    if (request.kind === "compact") {
      const own = this.#compactions.find((one) => one.operation === operation);
      if (!own) return;
      this.#time.notBefore(own.place, called);
      this.#time.notAfter(own.place, returned);
      return;
    }
    this.#time.notAfter(place, returned);
    if (isSerializable(request)) return;
    // The change that it made, or the one that would have spoiled its answer.
    const next = hasWritten(response) ? place : this.#placeOf(response.revision + 1);
    if (next !== undefined) this.#time.notBefore(next, called);
    this.#placeBeforeCompaction(operation, response, place);
  }

  /** What it read of the past could be read still. */
  #placeBeforeCompaction(operation: Operation, response: KvResponse, place: number): void {
    for (const past of pastRevisionsOf(operation.request, response)) {
      const compaction = this.#compactionAbove(past);
      if (!compaction) continue;
      if (compaction.place > place) {
        this.#time.notBefore(compaction.place, boundsOf(operation).called);
      } else {
        const text = `A read of revision ${past}, which had been compacted`;
        this.#fault(text, operation, compaction.operation);
      }
    }
  }

  #placeRefused(operation: Operation, error: string): void {
    const { request } = operation;
    const { called, returned } = boundsOf(operation);
    const asked = request.kind === "compact" ? [request.revision - 1] : pastRevisionsOf(request);
    if (error.includes("required revision has been compacted")) {
      // Of several ranges of a transaction any may be the one.
      const lowest = Math.min(...asked);
      if (this.#mayBeCompacted(lowest, operation)) return;
      const compaction = this.#compactionAbove(lowest);
      if (compaction) this.#time.notAfter(compaction.place, returned);
      else this.#fault("Refused as compacted, which it was not", operation);
    } else if (error.includes("required revision is a future revision")) {
      if (isSerializable(request)) return;
      if (asked.length === 0) return this.#fault("Refused for the future, unasked", operation);
      const highest = Math.max(...asked) + (request.kind === "compact" ? 1 : 0);
      const place = this.#placeOf(highest);
      if (place !== undefined) this.#time.notBefore(place, called);
    }
  }

  /** By a compaction whose outcome nobody knows, or by the store itself. */
  #mayBeCompacted(revision: number, { returnedAt = Infinity }: Operation): boolean {
    if (this.#context.compactsItself === true) return true;
    return this.#unknownCompactions.some(
      ({ request, calledAt }) =>
        request.kind === "compact" && request.revision > revision && calledAt < returnedAt,
    );
  }

  /** Who is told of a revision by a watch knows of it from then on. */
  #placeWatches(): void {
    for (const watch of this.#history.watches) {
      for (const { at: moment, atMs, headerRevision, events } of watch.responses) {
        const last = events.at(-1);
        const revision = Math.max(headerRevision, last ? eventRevision(last) : 0);
        const place = this.#placeOf(revision);
        if (place === undefined) continue;
        const witness = (): string =>
          `[${moment}] ${describeWatch(watch)} told of revision ${revision}`;
        this.#time.notAfter(place, { moment, witness, atMs });
      }
    }
  }

  /** (b): revisions that nobody was told of. */
  #explain(): void {
    const { store, writers } = this.#sequence;
    const deadlines = this.#time.deadlines();
    const revisions: { revision: number; deadline: number | undefined }[] = [];
    for (let revision = FIRST_REVISION + 1; revision <= store.lastRevision; revision++) {
      if (writers.has(revision) || !store.eventsOf(revision)) continue;
      const deadline = deadlines[this.#placeOf(revision) ?? 0]?.moment;
      revisions.push({ revision, deadline });
    }
    const operations = this.#history.operations.filter(({ outcome }) => outcome.kind === "unknown");
    const explanation = explainRevisions(revisions, { store, operations });
    for (const [revision, operation] of explanation.writers) {
      this.#time.notBefore(this.#placeOf(revision) ?? 0, boundsOf(operation).called);
    }
    for (const { revision, fitting } of explanation.unexplained) {
      const events = describeEvents(store.eventsOf(revision));
      const others = fitting.map((one) => `\n    ${describeOperation(one)}`).join("");
      const but = others === "" ? "" : `, for these were called too late or did another:${others}`;
      this.#violations.push({
        guarantee: "linearizable",
        text: `Revision ${revision} is nobody's, or a second effect of somebody's: ${events}${but}`,
      });
    }
  }

  /** Undefined for a revision that the store never reached. */
  #placeOf(revision: number): number | undefined {
    return this.#places[revision];
  }

  /** The first acknowledged one that makes `revision` unreadable. */
  #compactionAbove(revision: number): Compaction | undefined {
    return this.#compactions.find((one) => one.revision > revision);
  }

  #fault(text: string, ...operations: readonly [Operation, ...Operation[]]): void {
    const lines = operations.map((operation) => `\n    ${describeOperation(operation)}`);
    this.#violations.push(linearizable(`${text}:${lines.join("")}`, operations[0]));
  }
}

interface Compaction {
  readonly operation: Operation;
  /** What it compacts: older revisions cannot be read from then on. */
  readonly revision: number;
  /** The store's when it was done. */
  readonly madeAt: number;
  place: number;
}

function compactionOf(operation: Operation, lastRevision: number): readonly Compaction[] {
  const { request, outcome } = operation;
  if (request.kind !== "compact" || outcome.kind !== "answered") return [];
  const madeAt = outcome.response.revision;
  if (madeAt < FIRST_REVISION || madeAt > lastRevision) return [];
  return [{ operation, revision: request.revision, madeAt, place: 0 }];
}

function boundsOf(operation: Operation): { readonly called: Bound; readonly returned: Bound } {
  const { calledAt, calledMs, returnedAt, returnedMs, outcome } = operation;
  const witness = (): string => describeOperation(operation);
  assert(
    outcome.kind === "unknown" || returnedAt !== undefined,
    `An operation with an outcome did not return: ${witness()}`,
  );
  return {
    called: { moment: calledAt, witness, atMs: returnedMs ?? calledMs },
    returned: { moment: returnedAt ?? Infinity, witness, atMs: returnedMs ?? calledMs },
  };
}

/** Whether the member that was asked may answer it alone, from whatever past it is in. */
function isSerializable(request: KvRequest): boolean {
  if (request.kind === "range") return request.serializable === true;
  if (request.kind !== "txn") return false;
  return [...request.success, ...request.failure].every(
    (step) => step.kind === "range" && step.serializable === true,
  );
}

/** Those that it asks for by number; of a transaction without an answer, whichever way it goes. */
function pastRevisionsOf(request: KvRequest, response?: KvResponse): readonly number[] {
  switch (request.kind) {
    case "range":
      return request.revision !== undefined && request.revision > 0 ? [request.revision] : [];
    case "txn": {
      const { success, failure } = request;
      const taken =
        response?.kind === "txn"
          ? response.succeeded
            ? success
            : failure
          : [...success, ...failure];
      return taken.flatMap((step) => pastRevisionsOf(step));
    }
    default:
      return [];
  }
}
