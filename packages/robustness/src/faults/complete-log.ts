/** Whether a member's log has everything that another's has (Raft §5.3, Log Matching). Pure. */
import type { RaftView } from "@sagong/raft";

type Log = RaftView["log"];

/**
 * True where all of `log` is in `other`, too. Its length says nothing of that: what a former leader had
 * appended to nobody else is as long. `log` has nothing that is not committed, so that images have it.
 */
export function hasAllOf(other: Log, log: Log): boolean {
  const index = log.lastIndex;
  return other.snapshot.index >= index || termAt(other, index) === termAt(log, index);
}

function termAt(log: Log, index: number): number | undefined {
  return index === log.snapshot.index ? log.snapshot.term : log.entryAt(index)?.term;
}
