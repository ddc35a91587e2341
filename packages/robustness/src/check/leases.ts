/**
 * Leases: what their owners were promised, and what must come to an end (etcd's lease API).
 *
 * The promise: a lease lives for its TTL from the call of its grant, or of the last renewal that was
 * answered, by the observer's clock and less what clocks may drift. Its end: once nobody renews it any
 * more, its keys are gone after the TTL and `outliveMs` more, and at once when a revocation was
 * acknowledged. `outliveMs` is what a leader needs to notice and to do it: the TTL that is counted from
 * the renewal's execution and not from its call, the interval of the check (500 ms), the time to commit
 * the revocation. A new leader counts every TTL anew and adds two election timeouts; while there is
 * none, or it cannot commit, nothing ends: such times are `unsettled`, and TTL and bound are counted
 * anew from their end.
 *
 * Verified:
 * - `lease-not-early`: no lease is seen to be gone before its promise ends, unless its owner asked for
 *   it: neither by a deletion that is nobody else's, nor by the answer to a renewal, nor by a put that
 *   is refused for it;
 * - `lease-not-outlived`: no read that began after the end and its bound finds a key on the lease;
 * - `lease-stays-gone`: what was said to be gone takes no key and no renewal any more.
 * Not verified: leases whose grant was never answered; that leases end in `unsettled` times; the
 * seconds that TimeToLive tells.
 */
import type { History, KvRequest, LeaseRecord, Operation, Violation } from "../history/history.js";
import { eventRevision } from "../history/recording.js";
import { describeOperation } from "./describe-operation.js";
import { FIRST_REVISION, keyOf, type VersionedStore } from "./model/versioned-store.js";
import type { LeaseBounds } from "./lease-bounds.js";
import { mayDelete, stepsOf } from "./requests.js";
import { hasWritten, type StoreSequence } from "./store-sequence.js";

/** Without `bounds` only `lease-stays-gone` is judged: it needs no clock. */
export function checkLeases(
  history: History,
  { store, writers }: Pick<StoreSequence, "store" | "writers">,
  bounds: LeaseBounds | undefined,
): readonly Violation[] {
  const puts = putsByLease(history.operations);
  const stay = history.leases.flatMap((lease) => checkStaysGone(lease, puts.get(lease.id) ?? []));
  if (!bounds) return stay;
  const known = new Knowledge(history, store);
  return [
    ...stay,
    ...checkDeletions(history, { store, writers, known, bounds }),
    ...history.leases.flatMap((lease) => checkSaidEarly(lease, puts.get(lease.id) ?? [], bounds)),
    ...checkOutlived(history, { store, known, bounds }),
  ];
}

/**
 * Until when the lease lives for certain, as its owner knows at `ms`: -Infinity where nothing was
 * promised yet.
 */
export function promisedUntil(
  { grantCalledMs, grantedMs, ttlMs, renewals }: LeaseRecord,
  ms: number,
  { driftShare }: Pick<LeaseBounds, "driftShare">,
): number {
  const certainMs = ttlMs * (1 - driftShare);
  let until = grantedMs !== undefined && grantedMs <= ms ? grantCalledMs + certainMs : -Infinity;
  for (const { calledMs, answeredMs, ttlMs: left } of renewals) {
    if (answeredMs === undefined || answeredMs > ms || left === undefined || left <= 0) continue;
    until = Math.max(until, calledMs + Math.min(left, ttlMs) * (1 - driftShare));
  }
  return until;
}

/** Whether its owner had asked for its end by then. */
function isRevoked({ revoke }: LeaseRecord, ms: number): boolean {
  return revoke !== undefined && revoke.calledMs <= ms;
}

// ── Not early ──────────────────────────────────────────────────────────────────────────────────

interface Surroundings {
  readonly store: VersionedStore;
  readonly known: Knowledge;
  readonly bounds: LeaseBounds;
}

/** Keys that went with a lease, seen while it was promised to live. */
function checkDeletions(
  { operations, leases }: History,
  { store, writers, known, bounds }: Surroundings & Pick<StoreSequence, "writers">,
): readonly Violation[] {
  const violations: Violation[] = [];
  const byId = new Map(leases.map((lease) => [lease.id, lease]));
  const open = operations.filter(({ outcome }) => outcome.kind === "unknown");
  for (let revision = FIRST_REVISION + 1; revision <= store.lastRevision; revision++) {
    const event = store.eventsOf(revision)?.find(({ kind }) => kind === "delete");
    if (!event || writers.has(revision)) continue;
    const key = keyOf(event);
    const id = store.get(key, revision - 1)?.lease;
    const lease = id === undefined ? undefined : byId.get(id);
    const seenMs = known.seenMs(revision);
    if (!lease || isRevoked(lease, seenMs)) continue;
    const untilMs = promisedUntil(lease, seenMs, bounds);
    if (seenMs >= untilMs) continue;
    // A deletion whose outcome nobody knows may have been it.
    if (open.some((one) => one.calledMs < seenMs && mayDelete(one, key))) continue;
    const text =
      `revision ${revision} deleted ${key}, seen at ${seenMs} ms; ` +
      `it was promised to live until ${untilMs} ms`;
    violations.push(leaseFault("lease-not-early", lease, { text, atMs: seenMs }));
  }
  return violations;
}

/** "No such lease" in an answer, while it was promised to live. */
function checkSaidEarly(
  lease: LeaseRecord,
  puts: readonly Operation[],
  bounds: LeaseBounds,
): readonly Violation[] {
  const said: { readonly calledMs: number; readonly ms: number; readonly what: string }[] = [];
  for (const { calledMs, answeredMs, ttlMs } of lease.renewals) {
    if (answeredMs === undefined || ttlMs === undefined || ttlMs > 0) continue;
    said.push({ calledMs, ms: answeredMs, what: "a renewal was told that it is gone" });
  }
  for (const put of puts) {
    const { outcome, calledMs, returnedMs } = put;
    const isGone = outcome.kind === "refused" && outcome.error.includes("lease not found");
    if (!isGone || returnedMs === undefined) continue;
    said.push({ calledMs, ms: returnedMs, what: describeOperation(put) });
  }
  return said.flatMap(({ calledMs, ms, what }) => {
    // What was promised after the call may have been promised after this answer was made.
    const untilMs = promisedUntil(lease, calledMs, bounds);
    if (ms >= untilMs || isRevoked(lease, ms)) return [];
    const text = `${what} by ${ms} ms; it was promised to live until ${untilMs} ms`;
    return [leaseFault("lease-not-early", lease, { text, atMs: ms })];
  });
}

// ── Not outlived ───────────────────────────────────────────────────────────────────────────────

function checkOutlived(
  { leases }: History,
  { store, known, bounds }: Surroundings,
): readonly Violation[] {
  const byId = new Map(leases.map((lease) => [lease.id, lease]));
  const violations: Violation[] = [];
  for (const { key, id, from, to } of attachmentsIn(store)) {
    const lease = byId.get(id);
    const deadline = lease && deadlineOf(lease, bounds);
    if (!lease || !deadline) continue;
    const read = known.lastRead(from, to);
    if (!read || read.calledMs <= deadline.ms) continue;
    const text =
      `${key} still hangs on it, which was to be gone by ${deadline.ms} ms (${deadline.why}):` +
      `\n    ${describeOperation(read)}`;
    violations.push(
      leaseFault("lease-not-outlived", lease, { text, atMs: read.returnedMs ?? read.calledMs }),
    );
  }
  return violations;
}

/** When a key's lease, and the key with it, must be gone at the latest. */
function deadlineOf(
  { grantedMs, ttlMs, renewals, revoke }: LeaseRecord,
  { outliveMs, driftShare, delayMs, unsettled = [] }: LeaseBounds,
): { readonly ms: number; readonly why: string } | undefined {
  if (grantedMs === undefined) return undefined;
  if (revoke?.answeredMs !== undefined) return { ms: revoke.answeredMs, why: "revoked" };
  let lastMs = grantedMs;
  for (const { calledMs, answeredMs, ttlMs: left } of renewals) {
    if (answeredMs === undefined) lastMs = Math.max(lastMs, calledMs + delayMs);
    else if (left !== undefined && left > 0) lastMs = Math.max(lastMs, answeredMs);
  }
  const lifeMs = ttlMs * (1 + driftShare) + outliveMs;
  let ms = lastMs + lifeMs;
  for (const { fromMs, toMs } of unsettled) if (fromMs <= ms) ms = Math.max(ms, toMs + lifeMs);
  return { ms, why: `last renewed by ${lastMs} ms for ${ttlMs} ms` };
}

interface Attachment {
  readonly key: string;
  readonly id: string;
  /** Revisions at which it hangs there. */
  readonly from: number;
  readonly to: number;
}

function attachmentsIn(store: VersionedStore): readonly Attachment[] {
  const open = new Map<string, { readonly id: string; readonly from: number }>();
  const found: Attachment[] = [];
  const close = (key: string, to: number): void => {
    const last = open.get(key);
    if (last) found.push({ key, ...last, to });
    open.delete(key);
  };
  for (let revision = FIRST_REVISION + 1; revision <= store.lastRevision; revision++) {
    const events = store.eventsOf(revision);
    // After a gap nothing is certain any more.
    if (!events) for (const key of open.keys()) close(key, revision - 1);
    for (const event of events ?? []) {
      close(keyOf(event), revision - 1);
      const id = event.kind === "put" ? event.kv.lease : undefined;
      if (id !== undefined) open.set(keyOf(event), { id, from: revision });
    }
  }
  for (const key of open.keys()) close(key, store.lastRevision);
  return found;
}

// ── Stays gone ─────────────────────────────────────────────────────────────────────────────────

function checkStaysGone(lease: LeaseRecord, puts: readonly Operation[]): readonly Violation[] {
  let goneMs = lease.revoke?.answeredMs ?? Infinity;
  for (const { answeredMs, ttlMs } of lease.renewals) {
    if (answeredMs !== undefined && ttlMs !== undefined && ttlMs <= 0) {
      goneMs = Math.min(goneMs, answeredMs);
    }
  }
  const fault = (what: string, atMs: number): Violation => {
    const text = `it was said to be gone by ${goneMs} ms, and later ${what}`;
    return leaseFault("lease-stays-gone", lease, { text, atMs });
  };
  return [
    ...lease.renewals
      .filter(({ calledMs, ttlMs }) => calledMs > goneMs && ttlMs !== undefined && ttlMs > 0)
      .map(({ calledMs }) => fault(`was renewed at ${calledMs} ms`, calledMs)),
    ...puts
      .filter(({ calledMs, outcome }) => calledMs > goneMs && outcome.kind === "answered")
      .filter((put) => hasAttached(put, lease.id))
      .map((put) => fault(`took a key: ${describeOperation(put)}`, put.calledMs)),
  ];
}

// ── What is known, and when ────────────────────────────────────────────────────────────────────

class Knowledge {
  /** By revision: the first moment at which anybody knew of it, or of a later one. */
  readonly #seenMs: number[];
  /** By revision: the linearizable read or write of it that was called last. */
  readonly #lastCalled: (Operation | undefined)[] = [];

  constructor({ operations, watches }: History, { lastRevision }: VersionedStore) {
    const seenMs = Array.from({ length: lastRevision + 2 }, () => Infinity);
    const see = (revision: number, ms: number): void => {
      const place = Math.min(revision, lastRevision);
      seenMs[place] = Math.min(seenMs[place] ?? Infinity, ms);
    };
    for (const operation of operations) {
      const { request, outcome, returnedMs, calledMs } = operation;
      if (outcome.kind !== "answered" || returnedMs === undefined) continue;
      const { revision } = outcome.response;
      see(revision, returnedMs);
      // Others may be answered from the past.
      if (!hasWritten(outcome.response) && (request.kind === "txn" || isSerializable(request))) {
        continue;
      }
      const last = this.#lastCalled[revision];
      if (!last || calledMs > last.calledMs) this.#lastCalled[revision] = operation;
    }
    for (const { responses } of watches) {
      for (const { events, atMs } of responses) {
        const last = events.at(-1);
        if (last) see(eventRevision(last), atMs);
      }
    }
    for (let revision = lastRevision - 1; revision >= 0; revision--) {
      see(revision, seenMs[revision + 1] ?? Infinity);
    }
    this.#seenMs = seenMs;
  }

  seenMs(revision: number): number {
    return this.#seenMs[revision] ?? Infinity;
  }

  /** Of those at the revisions `from` to `to`: its answer was still so when it was called. */
  lastRead(from: number, to: number): Operation | undefined {
    let last: Operation | undefined;
    for (let revision = from; revision <= to; revision++) {
      const one = this.#lastCalled[revision];
      if (one && (!last || one.calledMs > last.calledMs)) last = one;
    }
    return last;
  }
}

// ── Requests ───────────────────────────────────────────────────────────────────────────────────

function isSerializable(request: KvRequest): boolean {
  return request.kind === "range" && request.serializable === true;
}

/** Whether it was answered, and put a key on the lease. */
function hasAttached(operation: Operation, id: string): boolean {
  const { request, outcome } = operation;
  if (request.kind === "put") return request.lease === id;
  if (request.kind !== "txn" || outcome.kind !== "answered") return false;
  const { response } = outcome;
  const taken = response.kind === "txn" && response.succeeded ? request.success : request.failure;
  return taken.some((step) => step.kind === "put" && step.lease === id);
}

function putsByLease(operations: readonly Operation[]): ReadonlyMap<string, readonly Operation[]> {
  const byLease = new Map<string, Operation[]>();
  for (const operation of operations) {
    const ids = stepsOf(operation).map((step) => (step.kind === "put" ? step.lease : undefined));
    for (const id of new Set(ids)) {
      if (id === undefined) continue;
      const known = byLease.get(id);
      if (known) known.push(operation);
      else byLease.set(id, [operation]);
    }
  }
  return byLease;
}

function leaseFault(
  guarantee: string,
  { id, client, ttlMs }: LeaseRecord,
  { text, atMs }: { readonly text: string; readonly atMs: number },
): Violation {
  return { guarantee, text: `${client}'s lease ${id} of ${ttlMs} ms: ${text}`, atMs };
}
