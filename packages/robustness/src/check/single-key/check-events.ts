/**
 * Holds what a watch of all keys delivered, from the first revision on, against the history.
 *
 * Verified, for a history in which each value is written by one operation only:
 * - E1 revisions grow from event to event (each operation of a history changes one key);
 * - E2 every acknowledged write is there, once, at its revision: none was lost;
 * - E3 every other event is the effect of an operation of unknown outcome, of each at most one:
 *   nothing was applied twice, or made up.
 * Not verified: that events came in time, or that the watch was not too long behind.
 */
import { describeSpan, type KnownWrite, knownWriteOf, type KvSpan } from "./kv-history.js";

export interface KvEvent {
  readonly revision: number;
  readonly key: string;
  /** Undefined: a deletion. */
  readonly value: string | undefined;
}

export function checkEvents(history: readonly KvSpan[], events: readonly KvEvent[]): string[] {
  const known = history.flatMap((span) => knownWriteOf(span) ?? []);
  const acknowledged = new Map(known.map((write) => [write.revision, write]));
  return [
    ...checkOrder(events),
    ...checkAcknowledged(known, events),
    ...checkOthers(
      history,
      events.filter(({ revision }) => !acknowledged.has(revision)),
    ),
  ];
}

function checkOrder(events: readonly KvEvent[]): string[] {
  const faults: string[] = [];
  for (const [i, event] of events.entries()) {
    const before = events[i - 1];
    if (before && event.revision <= before.revision) {
      faults.push(`${describeEvent(event)} came after ${describeEvent(before)}`);
    }
  }
  return faults;
}

function checkAcknowledged(known: readonly KnownWrite[], events: readonly KvEvent[]): string[] {
  const byRevision = new Map(events.map((event) => [event.revision, event]));
  const faults: string[] = [];
  for (const { key, revision, value, span } of known) {
    const event = byRevision.get(revision);
    if (event?.key === key && event.value === value) continue;
    const instead = event ? `, ${describeEvent(event)} is in its place` : "";
    faults.push(`An acknowledged write is missing${instead}:\n    ${describeSpan(span)}`);
  }
  return faults;
}

function checkOthers(history: readonly KvSpan[], others: readonly KvEvent[]): string[] {
  const possible = new Map<string, number>();
  for (const { key, operation } of history) {
    if (operation.outcome || operation.kind === "get") continue;
    const effect = effectKey(key, operation.kind === "delete" ? undefined : operation.value);
    possible.set(effect, (possible.get(effect) ?? 0) + 1);
  }
  const faults: string[] = [];
  for (const event of others) {
    const effect = effectKey(event.key, event.value);
    const left = possible.get(effect) ?? 0;
    if (left === 0) faults.push(`${describeEvent(event)} is nobody's, or was applied twice`);
    possible.set(effect, left - 1);
  }
  return faults;
}

function effectKey(key: string, value: string | undefined): string {
  return JSON.stringify([key, value]);
}

function describeEvent({ revision, key, value }: KvEvent): string {
  const what = value === undefined ? `deletion of ${key}` : `put of ${key} "${value}"`;
  return `the ${what} at revision ${revision}`;
}
