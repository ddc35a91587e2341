import { randomBelow, seededRandom } from "@sagong/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type {
  History,
  KvPair,
  KvRequest,
  KvResponse,
  Operation,
  Outcome,
  RangeAnswer,
  WatchEvent,
} from "../history/history.js";
import { checkLinearizable } from "./linearizability.js";
import { referenceHistory } from "./reference-history.js";

/** Operations in the order of their calls, each `[called, returned, request, response]`. */
type Row = readonly [number, number | undefined, KvRequest, KvResponse | Outcome];

const operation = ([calledAt, returnedAt, request, result]: Row): Operation => ({
  client: "c",
  member: "m1",
  calledAt,
  calledMs: calledAt,
  returnedAt,
  returnedMs: returnedAt,
  request,
  outcome: "revision" in result ? { kind: "answered", response: result } : result,
});
const history = (...rows: readonly Row[]): History => ({
  operations: rows.map(operation),
  watches: [],
  leases: [],
});
const put = (key: string, value: string, lease?: string): KvRequest & { kind: "put" } => ({
  kind: "put",
  key,
  value,
  ...(lease !== undefined && { lease }),
});
const get = (key: string, revision?: number): KvRequest & { kind: "range" } => ({
  kind: "range",
  key,
  ...(revision !== undefined && { revision }),
});
const pair = (
  key: string,
  value: string,
  revisions: readonly [number, number, number],
): KvPair => ({
  key,
  value,
  createRevision: revisions[0],
  modRevision: revisions[1],
  version: revisions[2],
});
const found = (revision: number, ...kvs: readonly KvPair[]): RangeAnswer => ({
  kind: "range",
  revision,
  kvs,
  count: kvs.length,
  more: false,
});
const done = (revision: number): KvResponse => ({ kind: "put", revision });
const compact = (revision: number): KvRequest => ({ kind: "compact", revision });
const compacted = (revision: number): KvResponse => ({ kind: "compact", revision });
const unknown: Outcome = { kind: "unknown", error: "lost" };
const refusedAs = (text: string): Outcome => ({
  kind: "refused",
  error: `etcdserver: mvcc: required revision ${text}`,
});
const asCompacted = refusedAs("has been compacted");
const asFuture = refusedAs("is a future revision");
const faultsOf = (
  of: History,
  events?: ReadonlyMap<number, readonly WatchEvent[]>,
): readonly string[] =>
  checkLinearizable(of, events ? { events } : {}).map(
    ({ guarantee, text }) => `${guarantee}: ${text}`,
  );

describe("checkLinearizable() on histories of a store that does everything right", () => {
  it("finds nothing, whoever saw the events", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 6 }), (seed, clientCount) => {
        const random = seededRandom(seed);
        const options = { random, clientCount, keyCount: 4, operationCount: 120 };
        const right = referenceHistory({ ...options, unknownPercent: 15, watchCount: 3 });
        expect(faultsOf(right)).toEqual([]);
        expect(faultsOf(right, right.events)).toEqual([]);
        expect(faultsOf({ ...right, watches: [] }, right.events)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it("needs no events where every outcome is known", () => {
    for (let seed = 0; seed < 30; seed++) {
      const options = { random: seededRandom(seed), clientCount: 5, keyCount: 3 };
      const right = referenceHistory({
        ...options,
        operationCount: 150,
        unknownPercent: 0,
        isPlain: true,
      });
      expect(faultsOf({ ...right, watches: [] })).toEqual([]);
    }
  });

  it("tolerates gaps where it is told to, and names them where not", () => {
    let toldCount = 0;
    for (let seed = 0; seed < 60; seed++) {
      const options = { random: seededRandom(seed), clientCount: 5, keyCount: 3 };
      const right = referenceHistory({ ...options, operationCount: 150, unknownPercent: 20 });
      const blind = { ...right, watches: [] };
      expect(checkLinearizable(blind, { toleratesGaps: true })).toEqual([]);
      const told = checkLinearizable(blind);
      for (const { guarantee } of told) expect(guarantee).toBe("history-complete");
      toldCount += told.length;
    }
    expect(toldCount).toBeGreaterThan(50);
  });

  it("takes well under two seconds for 10,000 operations", () => {
    const right = referenceHistory({
      random: seededRandom(7),
      clientCount: 20,
      keyCount: 40,
      operationCount: 10_000,
      unknownPercent: 5,
      watchCount: 10,
    });
    // The best of three: others may be at work on this machine.
    let tookMs = Infinity;
    for (let i = 0; i < 3; i++) {
      const startedMs = performance.now();
      expect(faultsOf(right)).toEqual([]);
      tookMs = Math.min(tookMs, performance.now() - startedMs);
    }
    console.log(`10,000 operations, ${right.events.size} revisions: ${Math.round(tookMs)} ms`);
    expect(tookMs).toBeLessThan(2_000);
  });
});

describe("checkLinearizable() on answers", () => {
  const wrong: readonly (readonly [string, readonly Row[]])[] = [
    [
      "a lost write",
      [
        [1, 2, put("a", "1"), done(2)],
        [3, 4, get("a"), found(2)],
      ],
    ],
    [
      "a value of another time",
      [
        [1, 2, put("a", "1"), done(2)],
        [3, 4, put("a", "2"), done(3)],
        [5, 6, get("a"), found(3, pair("a", "1", [2, 2, 1]))],
      ],
    ],
    [
      "a wrong version",
      [
        [1, 2, put("a", "1"), done(2)],
        [3, 4, get("a"), found(2, pair("a", "1", [2, 2, 2]))],
      ],
    ],
    [
      "a wrong create revision",
      [
        [1, 2, put("a", "1"), done(2)],
        [3, 4, put("a", "2"), done(3)],
        [5, 6, get("a"), found(3, pair("a", "2", [3, 3, 2]))],
      ],
    ],
    [
      "a lease that was detached",
      [
        [1, 2, put("a", "1", "7"), done(2)],
        [3, 4, put("a", "2"), done(3)],
        [5, 6, get("a"), found(3, { ...pair("a", "2", [2, 3, 2]), lease: "7" })],
      ],
    ],
    [
      "a count that the limit cut",
      [
        [1, 2, put("a", "1"), done(2)],
        [3, 4, put("b", "2"), done(3)],
        [
          5,
          6,
          { kind: "range", key: "a", rangeEnd: "\0", limit: 1 },
          { ...found(3, pair("a", "1", [2, 2, 1])), more: true },
        ],
      ],
    ],
    [
      "more that is not told",
      [
        [1, 2, put("a", "1"), done(2)],
        [3, 4, put("b", "2"), done(3)],
        [
          5,
          6,
          { kind: "range", key: "a", rangeEnd: "\0", limit: 1 },
          { ...found(3, pair("a", "1", [2, 2, 1])), count: 2 },
        ],
      ],
    ],
    [
      "a transaction that takes the wrong branch",
      [
        [1, 2, put("a", "1"), done(2)],
        [
          3,
          4,
          {
            kind: "txn",
            compares: [{ key: "a", target: "mod", result: "=", operand: 2 }],
            success: [put("a", "2")],
            failure: [get("a")],
          },
          {
            kind: "txn",
            revision: 2,
            succeeded: false,
            answers: [found(2, pair("a", "1", [2, 2, 1]))],
          },
        ],
      ],
    ],
    [
      "a previous pair that never was",
      [
        [1, 2, put("a", "1"), done(2)],
        [
          3,
          4,
          { ...put("a", "2"), prevKv: true },
          { kind: "put", revision: 3, prevKv: pair("a", "0", [2, 2, 1]) },
        ],
      ],
    ],
    [
      "a deletion of what was not there",
      [
        [1, 2, put("a", "1"), done(2)],
        [
          3,
          4,
          { kind: "delete", key: "b" },
          { kind: "delete", revision: 3, deleted: 1, prevKvs: [] },
        ],
      ],
    ],
    [
      "two writes of one revision",
      [
        [1, 3, put("a", "1"), done(2)],
        [2, 4, put("b", "2"), done(2)],
      ],
    ],
    ["a write of the revision at which stores begin", [[1, 2, put("a", "1"), done(1)]]],
    ["a revision that nobody can have made", [[1, 2, get("a"), found(5)]]],
    [
      "a read of the past with the present's value",
      [
        [1, 2, put("a", "1"), done(2)],
        [3, 4, put("a", "2"), done(3)],
        [5, 6, get("a", 2), found(3, pair("a", "2", [2, 3, 2]))],
      ],
    ],
  ];
  it.each(wrong)("finds %s", (_, rows) => {
    expect(faultsOf(history(...rows)).join()).toContain("linearizable");
  });
});

describe("checkLinearizable() on real time", () => {
  it("finds a read that does not see what was acknowledged before its call", () => {
    const stale: readonly Row[] = [
      [1, 2, put("a", "1"), done(2)],
      [3, 4, put("a", "2"), done(3)],
      [5, 6, get("a"), found(2, pair("a", "1", [2, 2, 1]))],
    ];
    expect(faultsOf(history(...stale)).join()).toContain("Time goes back");
    const concurrent: readonly Row[] = stale.map((row, i) =>
      i === 1 ? [3, 9, row[2], row[3]] : row,
    );
    expect(faultsOf(history(...concurrent))).toEqual([]);
    const serializable = [
      ...stale.slice(0, 2),
      [5, 6, { ...get("a"), serializable: true }, stale[2]?.[3]],
    ];
    // The third row is there, and only its request is another.
    expect(faultsOf(history(...(serializable as Row[])))).toEqual([]);
  });

  it("finds a read of another key that does not see it", () => {
    const rows: readonly Row[] = [
      [1, 2, put("a", "1"), done(2)],
      [3, 4, get("b"), found(1)],
    ];
    expect(faultsOf(history(...rows))).toHaveLength(1);
  });

  it("finds a read that goes back behind another read", () => {
    const rows: readonly Row[] = [
      [1, 9, put("a", "1"), done(2)],
      [2, 3, get("a"), found(2, pair("a", "1", [2, 2, 1]))],
      [4, 5, get("a"), found(1)],
    ];
    expect(faultsOf(history(...rows))).toHaveLength(1);
  });

  it("finds a write whose revision is older than what was there before its call", () => {
    const rows: readonly Row[] = [
      [1, 2, put("a", "1"), done(3)],
      [3, 4, put("b", "2"), done(2)],
    ];
    expect(faultsOf(history(...rows)).join()).toContain("Time goes back");
  });

  it("finds a serializable read of what was written after its return", () => {
    const rows: readonly Row[] = [
      [1, 2, { ...get("a"), serializable: true }, found(2, pair("a", "1", [2, 2, 1]))],
      [3, 4, put("a", "1"), done(2)],
    ];
    expect(faultsOf(history(...rows)).join()).toContain("Time goes back");
  });

  it("finds a read that is older than what a watch has told of", () => {
    const of = history([1, undefined, put("a", "1"), unknown], [4, 5, get("a"), found(1)]);
    const event: WatchEvent = { kind: "put", kv: pair("a", "1", [2, 2, 1]) };
    const watch = {
      client: "w",
      member: "m2",
      key: "\0",
      rangeEnd: "\0",
      startRevision: 1,
      prevKv: false,
      progressNotify: false,
      fragment: false,
      filters: [],
      createdMs: 1,
      responses: [
        { at: 2, atMs: 2, headerRevision: 1, created: true, events: [] },
        { at: 3, atMs: 3, headerRevision: 2, events: [event] },
      ],
      reachedEnd: true,
    };
    expect(faultsOf({ ...of, watches: [watch] }).join()).toContain("Time goes back");
  });
});

describe("checkLinearizable() on unknown outcomes", () => {
  const event = (revision: number, value: string, version: number): WatchEvent => ({
    kind: "put",
    kv: pair("a", value, [2, revision, version]),
  });
  const gone = (modRevision: number): WatchEvent => ({ kind: "delete", key: "a", modRevision });

  it("takes one that acted once, or never", () => {
    const of = history(
      [1, undefined, put("a", "1"), unknown],
      [2, undefined, put("a", "2"), unknown],
    );
    expect(faultsOf(of, new Map([[2, [event(2, "1", 1)]]]))).toEqual([]);
  });

  it("finds one that acted twice", () => {
    const of = history(
      [1, undefined, put("a", "1"), unknown],
      [2, undefined, put("b", "2"), unknown],
    );
    const events = new Map([
      [2, [event(2, "1", 1)]],
      [3, [event(3, "1", 2)]],
    ]);
    expect(faultsOf(of, events).join()).toContain("Revision 3 is nobody's");
  });

  it("finds an acknowledged write that acted twice, and a refused one that acted", () => {
    const twice = new Map([
      [2, [event(2, "1", 1)]],
      [3, [event(3, "1", 2)]],
    ]);
    const rows: readonly Row[] = [[1, 2, put("a", "1"), done(2)]];
    expect(faultsOf(history(...rows), twice).join()).toContain("Revision 3 is nobody's");
    const refused = history([1, 2, put("a", "1"), { kind: "refused", error: "etcdserver: no" }]);
    expect(faultsOf(refused, new Map([[2, [event(2, "1", 1)]]])).join()).toContain("nobody's");
  });

  it("matches deletions that say nothing of who did them, as far as their calls allow", () => {
    const rows = (secondCalledAt: number): readonly Row[] => [
      [1, 2, put("a", "1"), done(2)],
      [3, undefined, { kind: "delete", key: "a" }, unknown],
      [4, 5, put("a", "2"), done(4)],
      [secondCalledAt, undefined, { kind: "delete", key: "a" }, unknown],
      [8, 9, get("a"), found(5)],
    ];
    const events = new Map([
      [2, [event(2, "1", 1)]],
      [3, [gone(3)]],
      [4, [{ kind: "put", kv: pair("a", "2", [4, 4, 1]) } as const]],
      [5, [gone(5)]],
    ]);
    expect(faultsOf(history(...rows(6)), events)).toEqual([]);
    expect(faultsOf(history(...rows(10)), events).join()).toContain("nobody's");
  });

  it("takes the end of a lease, once and whole", () => {
    const rows: readonly Row[] = [
      [1, 2, put("a", "1", "7"), done(2)],
      [3, 4, put("b", "2", "7"), done(3)],
    ];
    const leases = [
      { id: "7", client: "c", ttlMs: 1, grantCalledMs: 0, grantedMs: 0, renewals: [], keys: [] },
    ];
    const of = { ...history(...rows), leases };
    const before: readonly [number, readonly WatchEvent[]][] = [
      [2, [{ kind: "put", kv: { ...pair("a", "1", [2, 2, 1]), lease: "7" } }]],
      [3, [{ kind: "put", kv: { ...pair("b", "2", [3, 3, 1]), lease: "7" } }]],
    ];
    const both: readonly WatchEvent[] = [gone(4), { kind: "delete", key: "b", modRevision: 4 }];
    expect(faultsOf(of, new Map([...before, [4, both]]))).toEqual([]);
    expect(faultsOf(of, new Map([...before, [4, [gone(4)]]])).join()).toContain("nobody's");
  });
});

describe("checkLinearizable() on compaction", () => {
  const base: readonly Row[] = [
    [1, 2, put("a", "1"), done(2)],
    [3, 4, put("a", "2"), done(3)],
    [5, 6, compact(3), compacted(3)],
  ];
  const past = found(3, pair("a", "1", [2, 2, 1]));

  it("takes refusals of what is compacted, and answers of what is not", () => {
    const rows: readonly Row[] = [
      ...base,
      [7, 8, get("a", 2), asCompacted],
      [9, 10, get("a", 3), found(3, pair("a", "2", [2, 3, 2]))],
      [11, 12, compact(3), asCompacted],
      [13, 14, compact(4), asFuture],
      [15, 16, get("a", 4), asFuture],
    ];
    expect(faultsOf(history(...rows))).toEqual([]);
  });

  it("takes either while the compaction is under way, or its outcome unknown", () => {
    const [first, second] = base as readonly [Row, Row, Row]; // Three rows, see above.
    for (const result of [past, asCompacted]) {
      const during: readonly Row[] = [
        first,
        second,
        [5, 9, compact(3), compacted(3)],
        [6, 7, get("a", 2), result],
      ];
      expect(faultsOf(history(...during))).toEqual([]);
      const open: readonly Row[] = [
        first,
        second,
        [5, undefined, compact(3), unknown],
        [6, 7, get("a", 2), result],
      ];
      expect(faultsOf(history(...open))).toEqual([]);
    }
  });

  const wrong: readonly (readonly [string, readonly Row[]])[] = [
    ["an answer of what is compacted", [...base, [7, 8, get("a", 2), past]]],
    ["a refusal of what is not compacted", [...base, [7, 8, get("a", 3), asCompacted]]],
    [
      "a refusal before the compaction",
      [...base.slice(0, 2), [5, 6, get("a", 2), asCompacted], [7, 8, compact(3), compacted(3)]],
    ],
    ["a refusal for the future of what was there", [...base, [7, 8, get("a", 3), asFuture]]],
    [
      "an answer of the future",
      [...base, [7, 8, get("a", 4), found(3, pair("a", "2", [2, 3, 2]))]],
    ],
    ["a compaction of the future", [...base, [7, 8, compact(9), compacted(3)]]],
    ["a compaction that goes back", [...base, [7, 8, compact(2), compacted(3)]]],
    ["the same compaction twice", [...base, [7, 8, compact(3), compacted(3)]]],
  ];
  it.each(wrong)("finds %s", (_, rows) => {
    expect(faultsOf(history(...rows))).not.toEqual([]);
  });
});

describe("checkLinearizable() on right histories with one thing changed", () => {
  /** Each answer that is not serializable, put where its call comes after all others' returns. */
  it("finds an old answer that is moved behind newer ones", () => {
    let moved = 0;
    for (let seed = 0; seed < 80; seed++) {
      const random = seededRandom(seed);
      const right = referenceHistory({
        random,
        clientCount: 4,
        keyCount: 3,
        operationCount: 100,
        unknownPercent: 5,
      });
      const { operations } = right;
      const at = randomBelow(random, operations.length / 2);
      const old = operations[at];
      if (old?.outcome.kind !== "answered" || old.request.kind !== "range") continue;
      if (old.request.serializable === true) continue;
      const { revision } = old.outcome.response;
      const end = Math.max(...operations.map(({ returnedAt }) => returnedAt ?? 0)) + 1;
      const newest = Math.max(
        ...operations.map(({ outcome }) =>
          outcome.kind === "answered" ? outcome.response.revision : 0,
        ),
      );
      if (newest === revision) continue;
      const late = { ...old, calledAt: end, returnedAt: end + 1 };
      const wrong = { ...right, operations: operations.with(at, late) };
      expect(faultsOf(wrong, right.events)).not.toEqual([]);
      moved++;
    }
    expect(moved).toBeGreaterThan(5);
  });
});
