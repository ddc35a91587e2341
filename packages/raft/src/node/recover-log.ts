/** Brings log and state machine together as a crash may have left them. */
import { assert } from "@sagong/base";
import type { RestoredState } from "../core/raw-node.js";
import type { RaftNodeDependencies, RaftNodeOptions } from "./raft-node-options.js";

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
  assert(
    applied >= mark.index,
    `the log begins after ${mark.index} but the state machine has only applied ${applied}`,
  );
  return { ...stored, applied };
}
