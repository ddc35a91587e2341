/**
 * Locks built on leases, as etcd's own clients build them: whoever creates the lock's key (a
 * transaction that compares its create, mod or version to 0 and puts it with a lease) has the lock,
 * until the key goes.
 *
 * A holder believes that it has the lock from its answer on for as long as its lease is promised to
 * live (leases.ts), each renewal answered before that prolonging it, until it asks for the key's or
 * the lease's end itself.
 *
 * Verified: `lock-exclusive`: no two clients ever believe so at once.
 * Not verified: that the lock is free soon after its holder has gone (leases.ts: `lease-not-outlived`);
 * what a holder does after its lease has lapsed: that is what create revisions are compared for. Where
 * somebody else's request may have deleted the key, nothing is judged: that is no lock any more.
 */
import type { History, KvPair, LeaseRecord, Operation, Violation } from "../history/history.js";
import { describeOperation } from "./describe-operation.js";
import type { LeaseBounds } from "./lease-bounds.js";
import { promisedUntil } from "./leases.js";
import { isDeleting, mayDelete } from "./requests.js";

export function checkLocks(
  { operations, leases }: History,
  bounds: Pick<LeaseBounds, "driftShare">,
): readonly Violation[] {
  const byId = new Map(leases.map((lease) => [lease.id, lease]));
  const byKey = new Map<string, Holding[]>();
  const deletions = operations.filter(isDeleting);
  for (const operation of operations) {
    const holding = holdingOf(operation, { byId, deletions, bounds });
    if (!holding) continue;
    const others = byKey.get(holding.key);
    if (others) others.push(holding);
    else byKey.set(holding.key, [holding]);
  }
  const violations: Violation[] = [];
  for (const [key, holdings] of byKey) {
    const inOrder = holdings.toSorted((a, b) => a.fromMs - b.fromMs);
    let longest: Holding | undefined;
    for (const holding of inOrder) {
      if (
        longest &&
        holding.fromMs < longest.toMs &&
        !mayHaveBeenFreed(longest, holding, deletions)
      ) {
        const text =
          `${longest.operation.client} and ${holding.operation.client} both hold ${key} ` +
          `from ${holding.fromMs} to ${Math.min(longest.toMs, holding.toMs)} ms:` +
          `\n    ${describeOperation(longest.operation)}\n    ${describeOperation(holding.operation)}`;
        violations.push({ guarantee: "lock-exclusive", text, atMs: holding.fromMs });
      }
      if (!longest || holding.toMs > longest.toMs) longest = holding;
    }
  }
  return violations;
}

interface Holding {
  readonly key: string;
  readonly operation: Operation;
  /** Of the lock's key. */
  readonly createRevision: number;
  readonly fromMs: number;
  readonly toMs: number;
}

interface Surroundings {
  readonly byId: ReadonlyMap<string, LeaseRecord>;
  /** Requests that delete something. */
  readonly deletions: readonly Operation[];
  readonly bounds: Pick<LeaseBounds, "driftShare">;
}

/** Undefined where `operation` took no lock, or its lease had lapsed before the answer came. */
function holdingOf(
  operation: Operation,
  { byId, deletions, bounds }: Surroundings,
): Holding | undefined {
  const { request, outcome, returnedMs, client } = operation;
  if (request.kind !== "txn" || outcome.kind !== "answered" || returnedMs === undefined) {
    return undefined;
  }
  const { response } = outcome;
  if (response.kind !== "txn" || !response.succeeded) return undefined;
  const put = request.success.find(
    (step) => step.kind === "put" && step.lease !== undefined && isIfAbsent(request, step.key),
  );
  const lease = put?.kind === "put" ? byId.get(put.lease ?? "") : undefined;
  if (!put || !lease) return undefined;
  let toMs = promisedUntil(lease, returnedMs, bounds);
  // Each renewal that is answered while the lock is held prolongs it.
  for (let next = promisedUntil(lease, toMs, bounds); next > toMs;) {
    toMs = next;
    next = promisedUntil(lease, toMs, bounds);
  }
  for (const other of deletions) {
    const isOwn = other.client === client && other.calledMs >= returnedMs;
    if (isOwn && mayDelete(other, put.key)) toMs = Math.min(toMs, other.calledMs);
  }
  if (lease.revoke) toMs = Math.min(toMs, lease.revoke.calledMs);
  const createRevision: KvPair["createRevision"] = response.revision;
  return toMs <= returnedMs
    ? undefined
    : { key: put.key, operation, createRevision, fromMs: returnedMs, toMs };
}

/** Whether a transaction is done only where there is no such key. */
function isIfAbsent(request: Extract<Operation["request"], { kind: "txn" }>, key: string): boolean {
  return request.compares.some(
    (compare) =>
      compare.key === key &&
      compare.target !== "value" &&
      compare.result === "=" &&
      Number(compare.operand) === 0,
  );
}

/** Whether anybody's request may have deleted the first one's key before the second took it. */
function mayHaveBeenFreed(
  { key, createRevision, fromMs }: Holding,
  second: Holding,
  deletions: readonly Operation[],
): boolean {
  return deletions.some((operation) => {
    const { request, returnedMs = Infinity, calledMs } = operation;
    if (!mayDelete(operation, key)) return false;
    if (calledMs > second.fromMs || returnedMs < fromMs) return false;
    if (request.kind !== "txn") return true;
    // One that deletes another holder's key only leaves this one alone.
    return !request.compares.some(
      (compare) =>
        compare.key === key &&
        compare.target === "create" &&
        compare.result === "=" &&
        Number(compare.operand) !== createRevision,
    );
  });
}
