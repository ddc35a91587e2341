/** Brings log and state machine together as a crash may have left them. */
import type { RestoredState } from "../core/raw-node.js";
import { LogStorageError } from "../storage/log-storage.js";
import type { RaftNodeDependencies, RaftNodeOptions } from "./raft-node-options.js";

/**
 * Rejects with `LogStorageError` where the state ends before the log begins: no crash leaves that, for
 * the log is cut behind what is durable in the state. The disk has lost or lied.
 */
export async function recoverLog(
  { voters }: Pick<RaftNodeOptions, "voters">,
  { storage, stateMachine }: Pick<RaftNodeDependencies, "storage" | "stateMachine">,
): Promise<RestoredState> {
  const { stored } = storage;
  const { snapshot: mark, entries } = stored;
  const applied = stateMachine.appliedIndex;
  const term = stateMachine.appliedTerm;
  if (applied > mark.index && entries[applied - mark.index - 1]?.term !== term) {
    // An image was installed, and the crash came before the log learnt of it (§7). What the log
    // has beside it, if anything, is of another history.
    const snapshot = { index: applied, term, confState: { voters } };
    await stateMachine.flush();
    await storage.reset(snapshot);
    return { hardState: stored.hardState, snapshot, entries: [], applied };
  }
  if (applied < mark.index) {
    throw new LogStorageError(
      `Cannot start from this disk: the state has applied entries up to ${applied}, and the log begins behind ${mark.index}; what is between is lost: restore this member from its peers`,
    );
  }
  return { ...stored, applied };
}
