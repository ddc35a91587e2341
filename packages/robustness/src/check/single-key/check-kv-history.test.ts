import { seededRandom } from "@sagong/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkKvHistory } from "./check-kv-history.js";
import type { Found, KeyOperation } from "./key-model.js";
import type { KvSpan } from "./kv-history.js";
import { simulateHistory } from "./simulated-history.js";

/** Operations as `[calledAt, returnedAt, operation]`, all on one key unless `key` says otherwise. */
type Row = readonly [number, number | undefined, KeyOperation, string?];

function historyOf(rows: readonly Row[]): KvSpan[] {
  return rows.map(([calledAt, returnedAt, operation, key = "k"], i) => ({
    client: `c${i}`,
    key,
    calledAt,
    returnedAt,
    operation,
  }));
}

const put = (value: string, revision?: number): KeyOperation => ({
  kind: "put",
  value,
  outcome: revision === undefined ? undefined : { revision },
});
const get = (revision: number, found?: Found): KeyOperation => ({
  kind: "get",
  outcome: { revision, found },
});
const del = (revision: number, wasThere = true): KeyOperation => ({
  kind: "delete",
  outcome: { revision, wasThere },
});
const swap = (
  modRevision: number,
  value: string,
  outcome: (KeyOperation & { kind: "compare-and-put" })["outcome"],
): KeyOperation => ({
  kind: "compare-and-put",
  compare: { by: "mod-revision", modRevision },
  value,
  outcome,
});
const pair = (value: string, modRevision: number): Found => ({ value, modRevision });

describe("checkKvHistory() accepts", () => {
  it.each<[string, readonly Row[]]>([
    ["nothing", []],
    [
      "one client's puts, reads and deletions",
      [
        [1, 2, get(1)],
        [3, 4, put("a", 2)],
        [5, 6, get(2, pair("a", 2))],
        [7, 8, del(3)],
        [9, 10, del(3, false)],
        [11, 12, get(3)],
      ],
    ],
    [
      "reads on both sides of a put that is under way",
      [
        [1, 10, put("a", 2)],
        [2, 3, get(1)],
        [4, 5, get(2, pair("a", 2))],
      ],
    ],
    [
      "overlapping puts in either order",
      [
        [1, 10, put("a", 3)],
        [2, 11, put("b", 2)],
        [12, 13, get(3, pair("a", 3))],
      ],
    ],
    [
      "a put of unknown outcome that took effect",
      [
        [1, undefined, put("a")],
        [2, 3, get(2, pair("a", 2))],
      ],
    ],
    [
      "a put of unknown outcome that never did",
      [
        [1, undefined, put("a")],
        [2, 3, put("b", 2)],
        [4, 5, get(2, pair("b", 2))],
      ],
    ],
    [
      "a put of unknown outcome that took effect long after",
      [
        [1, undefined, put("a")],
        [2, 3, put("b", 2)],
        [4, 5, get(2, pair("b", 2))],
        [6, 7, get(3, pair("a", 3))],
      ],
    ],
    [
      "a deletion that needs an unseen put before it",
      [
        [1, undefined, put("a")],
        [2, 3, del(3)],
      ],
    ],
    [
      "one winner of two swaps",
      [
        [1, 2, put("a", 2)],
        [3, 6, swap(2, "b", { succeeded: true, revision: 3 })],
        [4, 5, swap(2, "c", { succeeded: false, revision: 3, found: pair("b", 3) })],
      ],
    ],
    [
      "a creation by a swap that expects nothing",
      [
        [1, 2, swap(0, "a", { succeeded: true, revision: 2 })],
        [3, 4, swap(0, "b", { succeeded: false, revision: 2, found: pair("a", 2) })],
      ],
    ],
    [
      "writes of other keys between",
      [
        [1, 2, put("a", 2), "x"],
        [3, 4, put("b", 3), "y"],
        [5, 6, get(3, pair("a", 2)), "x"],
      ],
    ],
  ])("%s", (_name, rows) => {
    expect(checkKvHistory(historyOf(rows))).toEqual([]);
  });
});

describe("checkKvHistory() refuses", () => {
  it.each<[string, string, readonly Row[]]>([
    [
      "a stale read",
      "not linearizable",
      [
        [1, 2, put("a", 2)],
        [3, 4, put("b", 3)],
        [5, 6, get(2, pair("a", 2))],
      ],
    ],
    [
      "a stale read that claims the present revision",
      "does not find what was written",
      [
        [1, 2, put("a", 2)],
        [3, 4, put("b", 3)],
        [5, 6, get(3, pair("a", 2))],
      ],
    ],
    [
      "a lost write",
      "does not find what was written",
      [
        [1, 2, put("a", 2)],
        [3, 4, get(2)],
      ],
    ],
    [
      "reads that go back",
      "not linearizable",
      [
        [1, 20, put("a", 2)],
        [2, 3, get(2, pair("a", 2))],
        [4, 5, get(1)],
      ],
    ],
    [
      "two clients that see two puts in two orders",
      "not linearizable",
      [
        [1, undefined, put("a")],
        [1, undefined, put("b")],
        [2, 3, get(2, pair("a", 2))],
        [4, 5, get(3, pair("b", 3))],
        [6, 7, get(4, pair("a", 4))],
      ],
    ],
    [
      "a put that was applied twice",
      "not linearizable",
      [
        [1, 2, put("a", 2)],
        [3, 4, put("b", 3)],
        [5, 6, get(4, pair("a", 4))],
      ],
    ],
    [
      "a put that was applied twice with nothing between",
      "not linearizable",
      [
        [1, 2, put("a", 2)],
        [3, 4, get(3, pair("a", 3))],
      ],
    ],
    [
      "a put of unknown outcome that was applied twice",
      "not linearizable",
      [
        [1, undefined, put("a")],
        [2, 3, get(2, pair("a", 2))],
        [4, 5, put("b", 3)],
        [6, 7, get(4, pair("a", 4))],
      ],
    ],
    [
      "an effect before its call",
      "not linearizable",
      [
        [1, 2, get(2, pair("a", 2))],
        [3, undefined, put("a")],
      ],
    ],
    [
      "two winners of one swap",
      "not linearizable",
      [
        [1, 2, put("a", 2)],
        [3, 6, swap(2, "b", { succeeded: true, revision: 3 })],
        [4, 5, swap(2, "c", { succeeded: true, revision: 4 })],
      ],
    ],
    [
      "a swap that failed although it found what it expected",
      "not linearizable",
      [
        [1, 2, put("a", 2)],
        [3, 4, swap(2, "b", { succeeded: false, revision: 2, found: pair("a", 2) })],
      ],
    ],
    ["a deletion of what is not there", "not linearizable", [[1, 2, del(2)]]],
    ["a value that nobody wrote", "not linearizable", [[1, 2, get(2, pair("a", 2))]]],
    [
      "one revision for two keys' writes",
      "Two writes have revision 2",
      [
        [1, 2, put("a", 2), "x"],
        [1, 2, put("b", 2), "y"],
      ],
    ],
    [
      "revisions of two keys that go back in time",
      "Revisions go back in time",
      [
        [1, 2, put("a", 3), "x"],
        [3, 4, put("b", 2), "y"],
      ],
    ],
  ])("%s", (_name, sentence, rows) => {
    expect(checkKvHistory(historyOf(rows)).join("\n")).toContain(sentence);
  });

  it("says what was taken, what the key held, and what did not fit", () => {
    const [fault] = checkKvHistory(
      historyOf([
        [1, 2, put("a", 2)],
        [3, undefined, put("b")],
        [4, 5, get(3, pair("c", 3))],
      ]),
    );
    expect(fault).toBe(
      [
        "The 3 operations on k are not linearizable.",
        "  After 1 of them, of which the last are",
        '    [1, 2] c0 put k "a" → revision 2',
        '  the key holds "a" of revision 2 at revision 2 or later, and none fits of',
        '    [4, 5] c2 get k → "c" of revision 3 at 3',
      ].join("\n"),
    );
  });

  it("nothing where the search is too long, but says so", () => {
    const history = simulateHistory({
      random: seededRandom(1),
      clientCount: 4,
      keyCount: 1,
      operationCount: 100,
      unknownPercent: 0,
    });
    expect(checkKvHistory(history, { configurationsMax: 10 })).toEqual([
      "Cannot decide whether the 100 operations on key-0 are linearizable: 11 configurations tried",
    ]);
  });
});

describe("checkKvHistory() and a store that does everything right", () => {
  it("has nothing to say, whatever the schedule", () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 4 }),
        (seed, clientCount, keyCount) => {
          const random = seededRandom(seed);
          const size = { clientCount, keyCount, operationCount: 120, unknownPercent: 10 };
          expect(checkKvHistory(simulateHistory({ random, ...size }))).toEqual([]);
        },
      ),
      { numRuns: 150 },
    );
  });

  it("takes 10,000 operations, and finds the one read in them that is stale", () => {
    const history = simulateHistory({
      random: seededRandom(42),
      clientCount: 16,
      keyCount: 6,
      operationCount: 10_000,
      unknownPercent: 1,
    });
    expect(checkKvHistory(history)).toEqual([]);
    const reads = history.filter(
      ({ key, operation, returnedAt }) =>
        key === "key-3" && operation.kind === "get" && operation.outcome?.found && returnedAt,
    );
    const [first, last] = [reads[0], reads.at(-1)];
    if (first?.operation.kind !== "get" || !last) throw new Error("no reads were simulated");
    const { operation } = first;
    const broken = history.map((span) => (span === last ? { ...span, operation } : span));
    expect(checkKvHistory(broken).join("\n")).toContain("operations on key-3 are not linearizable");
  }, 10_000);
});
