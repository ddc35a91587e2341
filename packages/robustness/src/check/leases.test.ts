import { describe, expect, it } from "vitest";
import type {
  History,
  KvRequest,
  KvResponse,
  LeaseRecord,
  Operation,
  Outcome,
  WatchEvent,
} from "../history/history.js";
import { leaseBounds, type LeaseBounds } from "./lease-bounds.js";
import { checkLeases } from "./leases.js";
import { checkLocks } from "./locks.js";
import { sequenceOf } from "./store-sequence.js";

// Moments and milliseconds are the same here; all leases have a TTL of 1,000 ms.
const TTL_MS = 1_000;
const BOUNDS: LeaseBounds = { outliveMs: 500, driftShare: 0, delayMs: 200 };

const operation = (
  client: string,
  [calledAt, returnedAt]: readonly [number, number | undefined],
  [request, result]: readonly [KvRequest, KvResponse | Outcome],
): Operation => ({
  client,
  member: "m1",
  calledAt,
  calledMs: calledAt,
  returnedAt,
  returnedMs: returnedAt,
  request,
  outcome: "revision" in result ? { kind: "answered", response: result } : result,
});
const put = (key: string, value: string, lease?: string): KvRequest & { kind: "put" } => ({
  kind: "put",
  key,
  value,
  ...(lease !== undefined && { lease }),
});
const done = (revision: number): KvResponse & { kind: "put" } => ({ kind: "put", revision });
const read = (at: number, revision: number, key = "a"): Operation =>
  operation(
    "reader",
    [at, at + 1],
    [
      { kind: "range", key },
      { kind: "range", revision, kvs: [], count: 0, more: false },
    ],
  );
const lease = (id: string, more: Partial<LeaseRecord> = {}): LeaseRecord => ({
  id,
  client: "owner",
  ttlMs: TTL_MS,
  grantCalledMs: 0,
  grantedMs: 10,
  renewals: [],
  keys: [],
  ...more,
});
const renewal = (
  calledMs: number,
  answeredMs: number | undefined,
  ttlMs: number | undefined = TTL_MS,
): LeaseRecord["renewals"][number] => ({
  calledMs,
  answeredMs,
  ttlMs: answeredMs === undefined ? undefined : ttlMs,
});

/** Revision 2 puts a on lease 7, revision 3 deletes it. */
const ATTACHED = operation("owner", [20, 30], [put("a", "1", "7"), done(2)]);
const PUT_EVENT: WatchEvent = {
  kind: "put",
  kv: { key: "a", value: "1", createRevision: 2, modRevision: 2, version: 1, lease: "7" },
};
const EVENTS: ReadonlyMap<number, readonly WatchEvent[]> = new Map([
  [2, [PUT_EVENT]],
  [3, [{ kind: "delete", key: "a", modRevision: 3 }]],
]);

function broken(
  leases: readonly LeaseRecord[],
  operations: readonly Operation[],
  {
    bounds = BOUNDS,
    events = EVENTS,
  }: {
    readonly bounds?: LeaseBounds;
    readonly events?: ReadonlyMap<number, readonly WatchEvent[]>;
  } = {},
): readonly string[] {
  const history: History = { operations, watches: [], leases };
  const sequence = sequenceOf(history, { events });
  expect(sequence.violations).toEqual([]);
  return checkLeases(history, sequence, bounds).map(({ guarantee }) => guarantee);
}

describe("checkLeases() on leases that end early", () => {
  const seenGoneAt = (ms: number): Operation => read(ms - 1, 3);

  it("lets a lease end after its TTL, and not before", () => {
    expect(broken([lease("7")], [ATTACHED, seenGoneAt(1_001)])).toEqual([]);
    expect(broken([lease("7")], [ATTACHED, seenGoneAt(999)])).toEqual(["lease-not-early"]);
  });

  it("counts from the last renewal that was answered before it was seen to be gone", () => {
    const renewed = [lease("7", { renewals: [renewal(600, 650)] })];
    expect(broken(renewed, [ATTACHED, seenGoneAt(1_500)])).toEqual(["lease-not-early"]);
    expect(broken(renewed, [ATTACHED, seenGoneAt(1_601)])).toEqual([]);
    const unanswered = [lease("7", { renewals: [renewal(600, undefined)] })];
    expect(broken(unanswered, [ATTACHED, seenGoneAt(1_500)])).toEqual([]);
  });

  it("allows for clocks that run fast", () => {
    const bounds = { ...BOUNDS, driftShare: 0.1 };
    expect(broken([lease("7")], [ATTACHED, seenGoneAt(901)], { bounds })).toEqual([]);
    expect(broken([lease("7")], [ATTACHED, seenGoneAt(899)], { bounds })).toHaveLength(1);
  });

  it("is content where the owner asked for the end, or a deletion may have been somebody's", () => {
    const revoked = [lease("7", { revoke: { calledMs: 100, answeredMs: 150 } })];
    expect(broken(revoked, [ATTACHED, seenGoneAt(200)])).toEqual([]);
    const deletion = operation(
      "other",
      [50, undefined],
      [
        { kind: "delete", key: "a" },
        { kind: "unknown", error: "lost" },
      ],
    );
    expect(broken([lease("7")], [ATTACHED, deletion, seenGoneAt(200)])).toEqual([]);
    const acknowledged = operation(
      "other",
      [50, 60],
      [
        { kind: "delete", key: "a" },
        { kind: "delete", revision: 3, deleted: 1, prevKvs: [] },
      ],
    );
    expect(broken([lease("7")], [ATTACHED, acknowledged, seenGoneAt(200)])).toEqual([]);
  });

  it("sees a renewal that is told too early that the lease is gone", () => {
    const events = new Map();
    const early = lease("7", { renewals: [renewal(500, 550), renewal(900, 910, 0)] });
    expect(broken([early], [], { events })).toEqual(["lease-not-early"]);
    const late = lease("7", { renewals: [renewal(500, 550), renewal(1_490, 1_510, 0)] });
    expect(broken([late], [], { events })).toEqual([]);
  });

  it("sees a put that is refused for a lease that lives", () => {
    const refused = operation(
      "owner",
      [900, 910],
      [put("a", "2", "7"), { kind: "refused", error: "etcdserver: requested lease not found" }],
    );
    const events = new Map();
    expect(broken([lease("7")], [refused], { events })).toEqual(["lease-not-early"]);
    const later = { ...refused, calledMs: 1_000, returnedMs: 1_001 };
    expect(broken([lease("7")], [later], { events })).toEqual([]);
  });
});

describe("checkLeases() on keys that outlive their lease", () => {
  const events = new Map([[2, [PUT_EVENT]]]);
  const at = (ms: number, leases: readonly LeaseRecord[], bounds = BOUNDS): readonly string[] =>
    broken(leases, [ATTACHED, read(ms, 2)], { events, bounds });

  it("sees a key that is there after TTL and bound", () => {
    expect(at(1_510, [lease("7")])).toEqual([]);
    expect(at(1_511, [lease("7")])).toEqual(["lease-not-outlived"]);
  });

  it("counts from the last renewal, also one that may have been done without an answer", () => {
    expect(at(2_100, [lease("7", { renewals: [renewal(600, 650)] })])).toEqual([]);
    expect(at(2_200, [lease("7", { renewals: [renewal(600, 650)] })])).toHaveLength(1);
    expect(at(2_300, [lease("7", { renewals: [renewal(600, undefined)] })])).toEqual([]);
    expect(at(2_301, [lease("7", { renewals: [renewal(600, undefined)] })])).toHaveLength(1);
  });

  it("counts anew from a change of leader, and from the end of trouble", () => {
    const unsettled = [{ fromMs: 1_000, toMs: 1_800 }];
    const bounds = { ...BOUNDS, unsettled };
    expect(at(3_300, [lease("7")], bounds)).toEqual([]);
    expect(at(3_301, [lease("7")], bounds)).toHaveLength(1);
    const later = { ...BOUNDS, unsettled: [{ fromMs: 1_600, toMs: 1_800 }] };
    expect(at(1_590, [lease("7")], later)).toHaveLength(1);
  });

  it("sees a key that is there after the revocation was acknowledged", () => {
    const revoked = lease("7", { revoke: { calledMs: 100, answeredMs: 150 } });
    expect(at(149, [revoked])).toEqual([]);
    expect(at(151, [revoked])).toEqual(["lease-not-outlived"]);
  });

  it("lets a key live that was taken off its lease", () => {
    const again = operation("owner", [40, 50], [put("a", "2"), done(3)]);
    const kv = { key: "a", value: "2", createRevision: 2, modRevision: 3, version: 2 };
    const detached = new Map([...events, [3, [{ kind: "put", kv }]]] as const);
    const operations = [ATTACHED, again, read(9_000, 3)];
    expect(broken([lease("7")], operations, { events: detached })).toEqual([]);
  });

  it("leaves serializable reads alone: they may see the past", () => {
    const { request, ...rest } = read(9_000, 2);
    if (request.kind !== "range") throw new Error("a read is a range");
    const old = { ...rest, request: { ...request, serializable: true } };
    expect(broken([lease("7")], [ATTACHED, old], { events })).toEqual([]);
  });
});

describe("checkLeases() on leases that are gone", () => {
  it("sees one that takes a key, or a renewal, afterwards", () => {
    const revoke = { calledMs: 100, answeredMs: 150 };
    const late = { ...ATTACHED, calledMs: 160, returnedMs: 170 };
    const events = new Map([[2, [PUT_EVENT]]]);
    const gone = lease("7", { revoke });
    expect(broken([gone], [late], { events })).toContain("lease-stays-gone");
    const none = new Map();
    const renewed = lease("7", { revoke, renewals: [renewal(160, 170)] });
    expect(broken([renewed], [], { events: none })).toEqual(["lease-stays-gone"]);
    const said = lease("7", { renewals: [renewal(1_100, 1_110, 0), renewal(1_200, 1_210)] });
    expect(broken([said], [], { events: none })).toEqual(["lease-stays-gone"]);
    const during = lease("7", { revoke, renewals: [renewal(140, 170)] });
    expect(broken([during], [], { events: none })).toEqual([]);
  });
});

describe("leaseBounds()", () => {
  it("grows with the election timeout", () => {
    expect(leaseBounds({ electionMs: 1_000 })).toMatchObject({ outliveMs: 3_500, delayMs: 7_000 });
  });
});

describe("checkLocks()", () => {
  const take = (client: string, at: number, [id, revision]: readonly [string, number]): Operation =>
    operation(
      client,
      [at - 1, at],
      [
        {
          kind: "txn",
          compares: [{ key: "lock", target: "create", result: "=", operand: 0 }],
          success: [put("lock", `${client}@${at}`, id)],
          failure: [],
        },
        { kind: "txn", revision, succeeded: true, answers: [done(revision)] },
      ],
    );
  const found = (operations: readonly Operation[], leases: readonly LeaseRecord[]): number =>
    checkLocks({ operations, leases, watches: [] }, BOUNDS).length;
  const second = lease("8", { grantCalledMs: 400, grantedMs: 410 });

  it("sees two holders within the first one's live lease", () => {
    const both = [take("x", 50, ["7", 2]), take("y", 500, ["8", 4])];
    expect(found(both, [lease("7"), second])).toBe(1);
    expect(found([take("x", 50, ["7", 2]), take("y", 1_001, ["8", 4])], [lease("7"), second])).toBe(
      0,
    );
  });

  it("a renewal that is answered in time prolongs the holding, a late one does not", () => {
    const both = [take("x", 50, ["7", 2]), take("y", 1_300, ["8", 4])];
    const late = lease("8", { grantCalledMs: 1_200, grantedMs: 1_210 });
    expect(found(both, [lease("7", { renewals: [renewal(500, 900)] }), late])).toBe(1);
    expect(found(both, [lease("7", { renewals: [renewal(500, 1_100)] }), late])).toBe(0);
  });

  it("lets the next one in once the first lets go of the key or of the lease", () => {
    const both = [take("x", 50, ["7", 2]), take("y", 500, ["8", 4])];
    const release = operation(
      "x",
      [300, undefined],
      [
        {
          kind: "txn",
          compares: [{ key: "lock", target: "create", result: "=", operand: 2 }],
          success: [{ kind: "delete", key: "lock" }],
          failure: [],
        },
        { kind: "unknown", error: "lost" },
      ],
    );
    expect(found([...both, release], [lease("7"), second])).toBe(0);
    const revoked = lease("7", { revoke: { calledMs: 300, answeredMs: undefined } });
    expect(found(both, [revoked, second])).toBe(0);
  });

  it("is not led astray by deletions of other holders' keys, and does not judge where any may be it", () => {
    const both = [take("x", 50, ["7", 2]), take("y", 500, ["8", 4])];
    const deletion = (request: KvRequest): Operation =>
      operation("z", [300, undefined], [request, { kind: "unknown", error: "lost" }]);
    const guarded = deletion({
      kind: "txn",
      compares: [{ key: "lock", target: "create", result: "=", operand: 1 }],
      success: [{ kind: "delete", key: "lock" }],
      failure: [],
    });
    const all = deletion({ kind: "delete", key: "\0", rangeEnd: "\0" });
    expect(found([...both, guarded], [lease("7"), second])).toBe(1);
    expect(found([...both, all], [lease("7"), second])).toBe(0);
  });
});
