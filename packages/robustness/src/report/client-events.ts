import { describeCall } from "../check/describe-operation.js";
import type { History } from "../history/history.js";
import type { TraceEvent } from "../trace/trace.js";

/** Calls of clients among a run's events: each where its answer came, or where it was made if none did. */
export function withClients(
  events: readonly TraceEvent[],
  history: History | undefined,
): readonly TraceEvent[] {
  if (history === undefined) return events;
  const calls = history.operations.map((operation): TraceEvent => {
    const { client, member, calledAt, returnedAt, calledMs, returnedMs } = operation;
    return {
      atMs: returnedMs ?? calledMs,
      kind: "client",
      who: client,
      to: member,
      phase: returnedMs === undefined ? "lost" : "end",
      // The moments are those that checkers name in what they say of a violation.
      text: `[${calledAt}, ${returnedAt ?? "?"}] ${describeCall(operation)}`,
    };
  });
  // Sorting is stable: what happened at one time stays in its order.
  return [...events, ...calls].toSorted((a, b) => a.atMs - b.atMs);
}
