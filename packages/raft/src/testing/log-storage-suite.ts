/** What every `LogStorage` must do; `reopen` simulates a restart of the process. */
import { describe, expect, it } from "vitest";
import type { Entry, SnapshotMetadata } from "../core/types.js";
import type { LogStorage } from "../storage/log-storage.js";

export interface LogStorageFixture {
  open(): Promise<LogStorage>;
  remove(): Promise<void>;
}

export const INITIAL: SnapshotMetadata = { index: 0, term: 0, confState: { voters: [1n] } };

export function entry(index: number, term: number, text = ""): Entry {
  return { index, term, kind: "normal", data: new TextEncoder().encode(text) };
}

export function logStorageSuite(name: string, create: () => Promise<LogStorageFixture>): void {
  const test = (title: string, run: (fixture: LogStorageFixture) => Promise<void>): void => {
    it(title, async () => {
      const fixture = await create();
      try {
        await run(fixture);
      } finally {
        await fixture.remove();
      }
    });
  };
  const reopened = async (fixture: LogStorageFixture, storage: LogStorage) => {
    await storage.close();
    const again = await fixture.open();
    const { stored } = again;
    await again.close();
    return stored;
  };

  describe(name, () => {
    test("a new log is empty", async (fixture) => {
      const storage = await fixture.open();
      expect(storage.stored).toEqual({
        hardState: { term: 0, vote: undefined, commit: 0 },
        snapshot: INITIAL,
        entries: [],
      });
      await storage.close();
    });

    test("append() keeps entries and the last hard state over a restart", async (fixture) => {
      const storage = await fixture.open();
      await storage.append({
        hardState: { term: 1, vote: 7n, commit: 0 },
        entries: [entry(1, 1, "a")],
      });
      await storage.append({ entries: [entry(2, 1, "b"), entry(3, 1)] });
      await storage.append({ hardState: { term: 2, vote: undefined, commit: 2 } });
      const stored = await reopened(fixture, storage);
      expect(stored.hardState).toEqual({ term: 2, vote: undefined, commit: 2 });
      expect(stored.entries).toEqual([entry(1, 1, "a"), entry(2, 1, "b"), entry(3, 1)]);
    });

    test("append() of an index that is there replaces it and all after it", async (fixture) => {
      const storage = await fixture.open();
      await storage.append({ entries: [entry(1, 1), entry(2, 1), entry(3, 1)] });
      await storage.append({ entries: [entry(2, 2, "new")] });
      const stored = await reopened(fixture, storage);
      expect(stored.entries).toEqual([entry(1, 1), entry(2, 2, "new")]);
    });

    test("compact() forgets what is in the state machine, and no more", async (fixture) => {
      const storage = await fixture.open();
      for (let i = 1; i <= 20; i++)
        await storage.append({ entries: [entry(i, 1, "x".repeat(100))] });
      const snapshot = { index: 15, term: 1, confState: { voters: [1n, 2n] } };
      await storage.compact(snapshot);
      await storage.append({
        hardState: { term: 3, vote: 1n, commit: 20 },
        entries: [entry(21, 3)],
      });
      const stored = await reopened(fixture, storage);
      expect(stored.snapshot).toEqual(snapshot);
      expect(stored.entries.map(({ index }) => index)).toEqual([16, 17, 18, 19, 20, 21]);
      expect(stored.hardState.vote).toBe(1n);
    });

    test("reset() voids all entries and goes on behind the image", async (fixture) => {
      const storage = await fixture.open();
      await storage.append({
        hardState: { term: 2, vote: 1n, commit: 1 },
        entries: [entry(1, 1), entry(2, 2)],
      });
      const snapshot = { index: 50, term: 4, confState: { voters: [1n] } };
      await storage.reset(snapshot);
      await storage.append({ entries: [entry(51, 5)] });
      const stored = await reopened(fixture, storage);
      expect(stored.snapshot).toEqual(snapshot);
      expect(stored.entries).toEqual([entry(51, 5)]);
      expect(stored.hardState).toEqual({ term: 2, vote: 1n, commit: 1 });
    });

    test("a closed log refuses everything", async (fixture) => {
      const storage = await fixture.open();
      await storage.close();
      await expect(storage.append({ entries: [entry(1, 1)] })).rejects.toThrow("it is closed");
    });
  });
}
