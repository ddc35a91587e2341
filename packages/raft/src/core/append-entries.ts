/** A follower's side of replication (§5.3): takes a leader's entries where the logs agree before them. */
import type { RaftLog } from "./log.js";
import type { Append, AppendResponse } from "./message.js";
import type { LogIndex, NodeId, Term } from "./types.js";

export interface Answerer {
  readonly id: NodeId;
  readonly term: Term;
  readonly log: RaftLog;
}

/** The answer says what is in the log: it must not be sent before that is on disk. */
export function takeAppend(follower: Answerer, message: Append): AppendResponse {
  const { log } = follower;
  const { prevIndex, prevTerm, entries } = message;
  // An old message: all that it can tell is committed here already.
  if (prevIndex < log.committed) return accepts(follower, message.from, log.committed);
  if (log.termAt(prevIndex) !== prevTerm) {
    const hint = log.findConflict(prevIndex, prevTerm);
    return {
      from: follower.id,
      to: message.from,
      term: follower.term,
      kind: "append-response",
      index: prevIndex,
      rejected: true,
      hintIndex: hint.index,
      hintTerm: hint.term,
    };
  }
  log.merge(entries);
  const last = prevIndex + entries.length;
  log.commitTo(Math.min(message.commit, last));
  return accepts(follower, message.from, last);
}

/** This member's log agrees up to `index`. */
export function accepts(
  { id, term }: Pick<Answerer, "id" | "term">,
  to: NodeId,
  index: LogIndex,
): AppendResponse {
  return {
    from: id,
    to,
    term,
    kind: "append-response",
    index,
    rejected: false,
    hintIndex: 0,
    hintTerm: 0,
  };
}
