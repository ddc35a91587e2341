/**
 * The whole store as one line: every response says at which revision it was, so the order of all
 * keys' operations is known and needs no search.
 *
 * R1 no two writes have one revision.
 * R2 there is a moment within each operation such that moments and revisions go the same way: an
 *    operation that was called after another returned is not at an earlier revision.
 * R3 a read at revision r finds what the last known write of its key up to r left, unless a write of
 *    unknown outcome came after that.
 */
import {
  describeFound,
  describeSpan,
  type KnownWrite,
  knownReadOf,
  knownWriteOf,
  type KvSpan,
} from "./kv-history.js";

export function checkRevisions(history: readonly KvSpan[]): string[] {
  const writes = history
    .flatMap((span) => knownWriteOf(span) ?? [])
    .toSorted((a, b) => a.revision - b.revision);
  return [...checkUnique(writes), ...checkRealTime(history), ...checkReads(history, writes)];
}

function checkUnique(writes: readonly KnownWrite[]): string[] {
  const faults: string[] = [];
  for (const [i, write] of writes.entries()) {
    const before = writes[i - 1];
    if (before?.revision !== write.revision) continue;
    faults.push(
      `Two writes have revision ${write.revision}:` +
        `\n    ${describeSpan(before.span)}\n    ${describeSpan(write.span)}`,
    );
  }
  return faults;
}

/** Takes operations by revision, each at the earliest moment that is left; one that is over is late. */
function checkRealTime(history: readonly KvSpan[]): string[] {
  const placed = history
    .flatMap((span) => {
      const { outcome } = span.operation;
      // A revision's write comes before the reads at it.
      const rank = knownWriteOf(span) ? 0 : 1;
      return outcome ? [{ span, revision: outcome.revision, rank }] : [];
    })
    .toSorted(
      (a, b) => a.revision - b.revision || a.rank - b.rank || a.span.calledAt - b.span.calledAt,
    );
  const faults: string[] = [];
  let latest: KvSpan | undefined;
  let told: KvSpan | undefined;
  for (const { span } of placed) {
    const isOver = latest && span.returnedAt !== undefined && span.returnedAt < latest.calledAt;
    // One witness is enough for each operation that comes too late.
    if (latest && isOver && told !== latest) {
      told = latest;
      faults.push(
        `Revisions go back in time, from the first of these to the second:` +
          `\n    ${describeSpan(span)}\n    ${describeSpan(latest)}`,
      );
    }
    if (!latest || span.calledAt > latest.calledAt) latest = span;
  }
  return faults;
}

function checkReads(history: readonly KvSpan[], writes: readonly KnownWrite[]): string[] {
  const byKey = new Map<string, KnownWrite[]>();
  for (const write of writes) {
    const ofKey = byKey.get(write.key);
    if (ofKey) ofKey.push(write);
    else byKey.set(write.key, [write]);
  }
  const mayBeDeletedUnseen = new Set(
    history
      .filter(({ operation: { kind, outcome } }) => kind === "delete" && !outcome)
      .map(({ key }) => key),
  );
  const faults: string[] = [];
  for (const span of history) {
    const read = knownReadOf(span);
    if (!read) continue;
    const { found, revision } = read;
    const last = byKey.get(span.key)?.findLast((write) => write.revision <= revision);
    if (!last) continue;
    // Something later than the last known write: of unknown outcome, for the search to judge.
    if (found ? found.modRevision > last.revision : mayBeDeletedUnseen.has(span.key)) continue;
    if (found?.value === last.value && (found?.modRevision ?? last.revision) === last.revision) {
      continue;
    }
    faults.push(
      `A read does not find what was written: ${describeFound(found)} instead of ` +
        `${describeFound(last.value === undefined ? undefined : { value: last.value, modRevision: last.revision })}` +
        `\n    ${describeSpan(last.span)}\n    ${describeSpan(span)}`,
    );
  }
  return faults;
}
