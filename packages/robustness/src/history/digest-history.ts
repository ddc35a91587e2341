/**
 * What a history says beyond the messages that it is made of, put into a run's digest: in which order
 * calls and answers came, and how they ended. The messages are in it already (network/network.ts), and
 * to write all of them down once more, only to compare runs, took a twentieth of a run's time.
 */
import type { Digest } from "../world/digest.js";
import type { History, Outcome } from "./history.js";

export function digestHistory(digest: Digest, { operations, watches, leases }: History): void {
  for (const { calledAt, returnedAt = 0, returnedMs = 0, outcome } of operations) {
    digest.word(calledAt);
    digest.word(returnedAt);
    digest.number(returnedMs);
    digest.text(wordsOf(outcome));
  }
  for (const { createdAt = 0, responses, reachedEnd } of watches) {
    digest.word(createdAt);
    digest.word(reachedEnd ? 1 : 0);
    for (const { at, headerRevision, events } of responses) {
      digest.word(at);
      digest.word(headerRevision);
      digest.word(events.length);
    }
  }
  for (const { id, ttlMs, renewals, keys } of leases) {
    digest.text(id);
    digest.number(ttlMs);
    digest.word(renewals.length);
    digest.word(keys.length);
  }
}

function wordsOf(outcome: Outcome): string {
  return outcome.kind === "answered" ? outcome.kind : `${outcome.kind} ${outcome.error}`;
}
