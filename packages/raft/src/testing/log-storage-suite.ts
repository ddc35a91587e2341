/** What every `LogStorage` must do; `reopen` simulates a restart of the process. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Entry, SnapshotMetadata } from "../core/types.js";
import { EMPTY_HARD_STATE, type LogStorage, type StoredLog } from "../storage/log-storage.js";

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

    test("compact() brings nothing back that was replaced", async (fixture) => {
      const storage = await fixture.open();
      await storage.append({ entries: [entry(1, 1), entry(2, 2), entry(3, 2), entry(4, 2)] });
      await storage.append({ entries: [entry(2, 3)] });
      await storage.compact({ ...INITIAL, index: 2, term: 3 });
      const stored = await reopened(fixture, storage);
      expect(stored).toMatchObject({ snapshot: { index: 2, term: 3 }, entries: [] });
    });

    test("what is stored is what was asked for, through every order of calls", async (fixture) => {
      await fc.assert(
        fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 30 }), async (calls) => {
          const storage = await fixture.open();
          await checkCalls(storage, calls);
          const expected = modelOf(calls);
          expect(await reopened(fixture, storage)).toEqual(expected);
          const again = await fixture.open();
          await again.reset(INITIAL);
          await again.append({ hardState: EMPTY_HARD_STATE });
          await again.close();
        }),
        { numRuns: 40 },
      );
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

/** What raft may ask, in fractions of what is there: an append, a compaction, an image. */
type Call =
  | { readonly kind: "append"; readonly at: number; readonly count: number; readonly vote: boolean }
  | { readonly kind: "compact"; readonly at: number }
  | { readonly kind: "reset"; readonly ahead: number };

const fraction = fc.double({ min: 0, max: 1, noNaN: true });
const call: fc.Arbitrary<Call> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      at: fraction,
      count: fc.integer({ min: 0, max: 6 }),
      vote: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("compact" as const), at: fraction }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("reset" as const),
      ahead: fc.integer({ min: 1, max: 9 }),
    }),
  },
);

/** Carries out the calls on `storage`, and on the plain list beside it that `modelOf` gives. */
async function checkCalls(storage: LogStorage, calls: readonly Call[]): Promise<void> {
  let log: StoredLog = { hardState: EMPTY_HARD_STATE, snapshot: INITIAL, entries: [] };
  for (const one of calls) {
    const { next, ask } = answerTo(log, one);
    await ask(storage);
    log = next;
  }
}

function modelOf(calls: readonly Call[]): StoredLog {
  let log: StoredLog = { hardState: EMPTY_HARD_STATE, snapshot: INITIAL, entries: [] };
  for (const one of calls) log = answerTo(log, one).next;
  return log;
}

function answerTo(
  log: StoredLog,
  one: Call,
): { readonly next: StoredLog; readonly ask: (storage: LogStorage) => Promise<void> } {
  const first = log.snapshot.index + 1;
  switch (one.kind) {
    case "append": {
      const term = log.hardState.term + 1;
      const kept = log.entries.slice(0, Math.floor(one.at * (log.entries.length + 1)));
      const start = first + kept.length;
      const entries = Array.from({ length: one.count }, (_, i) => entry(start + i, term, `${i}`));
      const hardState = { term, vote: one.vote ? 3n : undefined, commit: start - 1 };
      const next = one.count === 0 ? log.entries : [...kept, ...entries];
      return {
        next: { ...log, hardState, entries: next },
        ask: (storage) => storage.append({ hardState, entries }),
      };
    }
    case "compact": {
      const last = log.entries[Math.floor(one.at * log.entries.length)];
      if (!last) return { next: log, ask: () => Promise.resolve() };
      const snapshot = { ...INITIAL, index: last.index, term: last.term };
      const entries = log.entries.filter(({ index }) => index > last.index);
      return { next: { ...log, snapshot, entries }, ask: (storage) => storage.compact(snapshot) };
    }
    case "reset": {
      const index = log.snapshot.index + log.entries.length + one.ahead;
      const snapshot = { ...INITIAL, index, term: log.hardState.term };
      return {
        next: { ...log, snapshot, entries: [] },
        ask: (storage) => storage.reset(snapshot),
      };
    }
  }
}
