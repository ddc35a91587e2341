import { describe, expect, it } from "vitest";
import { LogStorageError } from "../storage/log-storage.js";
import { MemoryLogStorage } from "../storage/memory-log-storage.js";
import { recoverLog } from "./recover-log.js";
import type { StateMachine } from "./state-machine.js";

const VOTERS = [1n];

/** A log that was cut behind entry 10. */
function cutLog(): MemoryLogStorage {
  return MemoryLogStorage.create({ index: 10, term: 2, confState: { voters: VOTERS } });
}

function stateAt(appliedIndex: number, appliedTerm: number): StateMachine {
  const never = (): never => {
    throw new Error("recovery only asks how far it is");
  };
  return {
    appliedIndex,
    appliedTerm,
    apply: never,
    flush: () => Promise.resolve(appliedIndex),
    openSnapshot: never,
    installSnapshot: never,
  };
}

describe("recoverLog()", () => {
  it("goes on where the state ends at the log's beginning", async () => {
    const stateMachine = stateAt(10, 2);
    const restored = await recoverLog({ voters: VOTERS }, { storage: cutLog(), stateMachine });
    expect(restored).toMatchObject({ applied: 10, entries: [] });
  });

  it("begins the log anew behind an image that it does not know of", async () => {
    const storage = cutLog();
    const stateMachine = stateAt(25, 3);
    const restored = await recoverLog({ voters: VOTERS }, { storage, stateMachine });
    expect(restored).toMatchObject({ applied: 25, snapshot: { index: 25, term: 3 } });
    expect(storage.stored.snapshot.index).toBe(25);
  });

  it("refuses a state that ends before the log begins, and says what to do", async () => {
    const recovered = recoverLog(
      { voters: VOTERS },
      { storage: cutLog(), stateMachine: stateAt(7, 2) },
    );
    await expect(recovered).rejects.toThrow(LogStorageError);
    await expect(recovered).rejects.toThrow("restore this member from its peers");
  });
});
