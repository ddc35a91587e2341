import { seededRandom } from "@sagong/base";
import { describe, expect, it } from "vitest";
import type {
  History,
  KvPair,
  KvRequest,
  KvResponse,
  Operation,
  WatchAnswer,
  WatchEvent,
  WatchRecord,
} from "../../history/history.js";
import { referenceHistory } from "../reference-history.js";
import { sequenceOf } from "../store-sequence.js";
import { checkWatches } from "./check-watches.js";

// The store of these tests: revision 2 puts a, 3 puts a again, 4 puts b and c, 5 deletes a, 6 puts b.
const pair = (key: string, value: string, [create, mod, version]: number[]): KvPair => ({
  key,
  value,
  createRevision: create ?? 0,
  modRevision: mod ?? 0,
  version: version ?? 0,
});
const A1 = pair("a", "1", [2, 2, 1]);
const A2 = pair("a", "2", [2, 3, 2]);
const B1 = pair("b", "3", [4, 4, 1]);
const C1 = pair("c", "4", [4, 4, 1]);
const B2 = pair("b", "5", [4, 6, 2]);
const put = (kv: KvPair, prevKv?: KvPair): WatchEvent => ({
  kind: "put",
  kv,
  ...(prevKv && { prevKv }),
});
const GONE: WatchEvent = { kind: "delete", key: "a", modRevision: 5 };

const operation = (at: number, request: KvRequest, response: KvResponse): Operation => ({
  client: "c",
  member: "m1",
  calledAt: at,
  calledMs: at,
  returnedAt: at + 1,
  returnedMs: at + 1,
  request,
  outcome: { kind: "answered", response },
});
const puts = (key: string, value: string): KvRequest & { kind: "put" } => ({
  kind: "put",
  key,
  value,
});
const done = (revision: number): KvResponse & { kind: "put" } => ({ kind: "put", revision });
const OPERATIONS: readonly Operation[] = [
  operation(1, puts("a", "1"), done(2)),
  operation(3, puts("a", "2"), done(3)),
  operation(
    5,
    { kind: "txn", compares: [], success: [puts("b", "3"), puts("c", "4")], failure: [] },
    { kind: "txn", revision: 4, succeeded: true, answers: [done(4), done(4)] },
  ),
  operation(
    7,
    { kind: "delete", key: "a" },
    { kind: "delete", revision: 5, deleted: 1, prevKvs: [] },
  ),
  operation(9, puts("b", "5"), done(6)),
];
const COMPACTION = operation(
  11,
  { kind: "compact", revision: 4 },
  { kind: "compact", revision: 6 },
);

type Response = Omit<WatchAnswer, "at" | "atMs">;
const created = (headerRevision: number): Response => ({
  headerRevision,
  created: true,
  events: [],
});
const events = (...of: readonly WatchEvent[]): Response => ({ headerRevision: 6, events: of });
const progress = (headerRevision: number): Response => ({ headerRevision, events: [] });
const ended = (compactRevision: number): Response => ({
  headerRevision: 0,
  canceled: { reason: "", compactRevision },
  events: [],
});

/** From the beginning, over all keys, up to the end, unless told otherwise. */
function watch(responses: readonly Response[], more: Partial<WatchRecord> = {}): WatchRecord {
  return {
    client: "w",
    member: "m1",
    key: "\0",
    rangeEnd: "\0",
    startRevision: 2,
    prevKv: false,
    progressNotify: true,
    fragment: false,
    filters: [],
    createdMs: 20,
    responses: responses.map((response, i) => ({ ...response, at: 21 + i, atMs: 21 + i })),
    reachedEnd: true,
    ...more,
  };
}

function guaranteesBroken(record: WatchRecord, operations = OPERATIONS): readonly string[] {
  const history: History = { operations, watches: [record], leases: [] };
  const found = checkWatches(history, sequenceOf({ ...history, watches: [] }));
  return [...new Set(found.map(({ guarantee }) => guarantee))];
}

const ALL = [put(A1), put(A2), put(B1), put(C1), GONE, put(B2)] as const;
const [R2, R3, R4a, R4b, R5, R6] = ALL;

describe("checkWatches()", () => {
  const right: readonly (readonly [string, WatchRecord])[] = [
    ["one response for all", watch([created(6), events(...ALL)])],
    [
      "one for each revision",
      watch([created(1), events(R2), events(R3), events(R4a, R4b), events(R5), events(R6)]),
    ],
    [
      "a start in the past",
      watch([created(6), events(R4a, R4b, R5), events(R6)], { startRevision: 4 }),
    ],
    ["a start in the future", watch([created(3), events(R5, R6)], { startRevision: 5 })],
    ["a start from now on", watch([created(4), events(R5), events(R6)], { startRevision: 0 })],
    ["an end before all has come", watch([created(6), events(R2)], { reachedEnd: false })],
    [
      "progress behind events",
      watch([created(6), events(R2, R3), progress(3), events(R4a, R4b, R5, R6), progress(6)]),
    ],
    [
      "progress of a quiet key",
      watch([created(2), progress(3), progress(6)], { key: "x", startRevision: 0 }),
    ],
    [
      "fragments",
      watch([created(6), { ...events(R2, R3, R4a), fragment: true }, events(R4b, R5, R6)], {
        fragment: true,
      }),
    ],
    [
      "previous pairs",
      watch([created(6), events(R2, put(A2, A1), R4a, R4b, { ...GONE, prevKv: A2 }, put(B2, B1))], {
        prevKv: true,
      }),
    ],
    ["one key", watch([created(6), events(R2, R3, R5)], { key: "a", rangeEnd: "" })],
    ["puts only", watch([created(6), events(R2, R3, R4a, R4b, R6)], { filters: ["delete"] })],
  ];
  it.each(right)("is content with %s", (_, record) => {
    expect(guaranteesBroken(record)).toEqual([]);
  });

  const wrong: readonly (readonly [string, string, WatchRecord])[] = [
    [
      "a revision behind a later one",
      "watch-ordered",
      watch([created(6), events(R2, R4a, R4b, R3, R5, R6)]),
    ],
    [
      "the changes of a revision in another order",
      "watch-ordered",
      watch([created(6), events(R2, R3, R4b, R4a, R5, R6)]),
    ],
    [
      "old revisions sent again",
      "watch-ordered",
      watch([created(6), events(R2, R3), events(R2, R3, R4a, R4b, R5, R6)]),
    ],
    [
      "an event twice in one response",
      "watch-unique",
      watch([created(6), events(R2, R2, R3, R4a, R4b, R5, R6)]),
    ],
    [
      "an event twice in two responses",
      "watch-unique",
      watch([created(6), events(R2, R3), events(R3, R4a, R4b, R5, R6)]),
    ],
    [
      "a revision torn in two",
      "watch-atomic",
      watch([created(6), events(R2, R3, R4a), events(R4b, R5, R6)]),
    ],
    ["half a revision", "watch-atomic", watch([created(6), events(R2, R3, R4a, R5, R6)])],
    ["a revision left out", "watch-reliable", watch([created(6), events(R2, R4a, R4b, R5, R6)])],
    [
      "the last revision left out",
      "watch-reliable",
      watch([created(6), events(R2, R3, R4a, R4b, R5)]),
    ],
    ["nothing at all", "watch-reliable", watch([created(6)])],
    [
      "a later beginning than asked for",
      "watch-resumable",
      watch([created(6), events(R4a, R4b, R5, R6)]),
    ],
    [
      "a deletion left out at the beginning",
      "watch-resumable",
      watch([created(6), events(R6)], { startRevision: 5 }),
    ],
    [
      "progress ahead of events",
      "watch-bookmarkable",
      watch([created(6), events(R2), progress(3), events(R3, R4a, R4b, R5, R6)]),
    ],
    [
      "progress in place of an event",
      "watch-bookmarkable",
      watch([created(6), events(R2), progress(6)], { reachedEnd: false }),
    ],
    [
      "progress that falls",
      "watch-bookmarkable",
      watch([created(6), events(...ALL), progress(6), progress(5)]),
    ],
    [
      "a header behind its events",
      "watch-bookmarkable",
      watch([created(6), { ...events(...ALL), headerRevision: 5 }]),
    ],
    [
      "an event before the one asked for",
      "watch-start",
      watch([created(3), events(R4a, R4b), events(R5, R6)], { startRevision: 5 }),
    ],
    [
      "an event from before its creation",
      "watch-start",
      watch([created(5), events(R5, R6)], { startRevision: 0 }),
    ],
    [
      "progress before the revision asked for",
      "watch-start",
      watch([created(3), progress(4), events(R6)], { startRevision: 6 }),
    ],
    [
      "events before the creation is answered",
      "watch-start",
      watch([events(R2), created(6), events(R3, R4a, R4b, R5, R6)]),
    ],
    [
      "a made up event",
      "watch-true",
      watch([created(6), events(R2, R3, put(pair("a", "9", [2, 3, 2])), R4a, R4b, R5, R6)]),
    ],
    [
      "a wrong version",
      "watch-true",
      watch([created(6), events(R2, put({ ...A2, version: 1 }), R4a, R4b, R5, R6)]),
    ],
    [
      "a lease that is not attached",
      "watch-true",
      watch([created(6), events(R2, put({ ...A2, lease: "7" }), R4a, R4b, R5, R6)]),
    ],
    [
      "a previous pair of another time",
      "watch-prev-kv",
      watch([created(6), events(R2, put(A2, A1), R4a, R4b, { ...GONE, prevKv: A1 }, put(B2, B1))], {
        prevKv: true,
      }),
    ],
    ["no previous pair", "watch-prev-kv", watch([created(6), events(...ALL)], { prevKv: true })],
    [
      "a previous pair that nobody asked for",
      "watch-prev-kv",
      watch([created(6), events(R2, put(A2, A1), R4a, R4b, R5, R6)]),
    ],
    [
      "another key",
      "watch-filters",
      watch([created(6), events(...ALL)], { key: "a", rangeEnd: "b" }),
    ],
    [
      "what was filtered out",
      "watch-filters",
      watch([created(6), events(...ALL)], { filters: ["delete"] }),
    ],
    [
      "fragments that nobody asked for",
      "watch-fragments",
      watch([created(6), { ...events(R2, R3), fragment: true }, events(R4a, R4b, R5, R6)]),
    ],
    [
      "progress between fragments",
      "watch-fragments",
      watch(
        [created(6), { ...events(R2, R3), fragment: true }, progress(3), events(R4a, R4b, R5, R6)],
        { fragment: true },
      ),
    ],
  ];
  it.each(wrong)("sees %s: %s", (_, guarantee, record) => {
    expect(guaranteesBroken(record)).toContain(guarantee);
  });

  describe("where revisions were compacted", () => {
    const compacted = [...OPERATIONS, COMPACTION];

    it("takes a refusal, a missing previous pair, and a start at the compaction's own revision", () => {
      const taken = [
        watch([created(6), ended(4)]),
        watch([created(6), events(R2), ended(4)]),
        watch([created(6), events(R2, R3, R4a, R4b, { ...GONE, prevKv: A2 }, put(B2, B1))], {
          prevKv: true,
        }),
        watch([created(6), events(R4a, R4b, R5, R6)], { startRevision: 4 }),
      ];
      for (const record of taken) expect(guaranteesBroken(record, compacted)).toEqual([]);
    });

    const refused: readonly (readonly [string, WatchRecord])[] = [
      [
        "a refusal of a start that is not compacted",
        watch([created(6), ended(4)], { startRevision: 4 }),
      ],
      [
        "a refusal when all that was needed was there",
        watch([created(6), events(R2, R3), ended(4)]),
      ],
      ["a refusal for a compaction that nobody asked for", watch([created(6), ended(5)])],
      ["events behind the end", watch([created(6), ended(4), events(R4a, R4b, R5, R6)])],
    ];
    it.each(refused)("sees %s", (_, record) => {
      expect(guaranteesBroken(record, compacted)).toContain("watch-compacted");
    });

    it("sees a refusal before the compaction was asked for", () => {
      const early = watch([created(6), ended(4)]);
      const later = OPERATIONS.concat({ ...COMPACTION, calledAt: 40, returnedAt: 41 });
      expect(guaranteesBroken(early, later)).toContain("watch-compacted");
    });

    it("sees a deletion lost at the compaction's own revision", () => {
      const at5 = operation(11, { kind: "compact", revision: 5 }, { kind: "compact", revision: 6 });
      const lost = watch([created(6), events(R6)], { startRevision: 5 });
      expect(guaranteesBroken(lost, [...OPERATIONS, at5])).toEqual(["watch-resumable"]);
    });
  });

  it("finds nothing in the watches of a store that does everything right", () => {
    let batchCount = 0;
    for (let seed = 0; seed < 100; seed++) {
      const right = referenceHistory({
        random: seededRandom(seed),
        clientCount: 4,
        keyCount: 4,
        operationCount: 150,
        unknownPercent: 10,
        watchCount: 8,
      });
      const sequence = sequenceOf(right, right);
      const found = checkWatches(right, sequence);
      expect({ seed, found }).toEqual({ seed, found: [] });
      batchCount += right.watches.reduce((sum, { responses }) => sum + responses.length, 0);
    }
    expect(batchCount).toBeGreaterThan(5_000);
  });
});
