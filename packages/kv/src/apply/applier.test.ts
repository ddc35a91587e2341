import { decodeUtf8 } from "@sagong/base";
import { describe, expect, it } from "vitest";
import {
  Compare,
  CompareResult,
  CompareTarget,
  DeleteRangeRequest,
  PutRequest,
  type RequestOp,
  SortOrder,
  SortTarget,
  TxnRequest,
} from "../gen/rpc.js";
import { rangeRequest, StateFixture, text } from "../testing/state-fixture.js";
import { range } from "./range.js";
import { StoreError } from "./store-error.js";
import { validatePut, validateRange, validateTxn } from "./validate-request.js";

const putOp = (key: string, value: string, more: Partial<PutRequest> = {}): RequestOp => ({
  request: {
    kind: "requestPut",
    value: PutRequest.create({ key: text(key), value: text(value), ...more }),
  },
});
const deleteOp = (key: string, end = ""): RequestOp => ({
  request: {
    kind: "requestDeleteRange",
    value: DeleteRangeRequest.create({ key: text(key), rangeEnd: text(end) }),
  },
});
const getOp = (key: string, revision = 0): RequestOp => ({
  request: { kind: "requestRange", value: rangeRequest(key, { revision }) },
});
const txnOp = (value: TxnRequest): RequestOp => ({ request: { kind: "requestTxn", value } });
const modIs = (key: string, value: number): Compare =>
  Compare.create({
    key: text(key),
    target: CompareTarget.MOD,
    result: CompareResult.EQUAL,
    targetUnion: { kind: "modRevision", value },
  });

const codeOf = (action: () => void): string | undefined => {
  try {
    action();
    return undefined;
  } catch (error) {
    return error instanceof StoreError ? error.code : String(error);
  }
};

describe("Applier", () => {
  it("a transaction is one revision, and its own reads see its writes", () => {
    const fixture = new StateFixture();
    const result = fixture.txn(
      TxnRequest.create({ success: [putOp("a", "1"), getOp("a"), putOp("b", "2")] }),
    );
    expect(result).toMatchObject({
      revision: 2,
      response: {
        succeeded: true,
        responses: [
          { response: { kind: "responsePut" } },
          { response: { value: { kvs: [{ modRevision: 2 }], count: 1 } } },
          { response: { kind: "responsePut" } },
        ],
      },
    });
  });

  it("comparisons of nested transactions are made on the state before the whole", () => {
    const fixture = new StateFixture();
    const nested = TxnRequest.create({
      compare: [modIs("a", 0)],
      success: [putOp("seen", "absent")],
      failure: [putOp("seen", "present")],
    });
    fixture.txn(TxnRequest.create({ success: [putOp("a", "1"), txnOp(nested)] }));
    expect(fixture.store.get("seen")?.value).toEqual(text("absent"));
  });

  it("a refused transaction changes nothing, whatever came before the fault", () => {
    const fixture = new StateFixture();
    fixture.put("a", "0");
    const faults = [
      putOp("b", "1", { lease: 99n }),
      putOp("b", "", { ignoreValue: true }),
      getOp("a", 77),
    ];
    for (const fault of faults) {
      const result = fixture.txn(TxnRequest.create({ success: [putOp("a", "1"), fault] }));
      expect(result).toHaveProperty("error");
      expect(result.revision).toBe(2);
      expect(fixture.store.get("a")?.value).toEqual(text("0"));
    }
  });

  it("of several faults it tells etcd's first: puts before ranges, and a put's key before its lease", () => {
    const fixture = new StateFixture();
    const leased = { ignoreValue: true, lease: 99n };
    const errorOf = (...success: RequestOp[]): unknown => {
      const result = fixture.txn(TxnRequest.create({ success }));
      return "error" in result ? result.error.code : undefined;
    };
    expect(fixture.put("b", "", leased)).toMatchObject({ error: { code: "leaseNotFound" } });
    expect(errorOf(putOp("b", "", leased))).toBe("keyNotFound");
    expect(errorOf(getOp("a", 77), putOp("b", "", leased))).toBe("keyNotFound");
    expect(errorOf(putOp("b", "1"), getOp("a", 77))).toBe("futureRevision");
  });

  it("VALUE on a missing key is never true; the counters count it as 0", () => {
    const fixture = new StateFixture();
    const value = Compare.create({
      key: text("missing"),
      target: CompareTarget.VALUE,
      result: CompareResult.NOT_EQUAL,
      targetUnion: { kind: "value", value: text("x") },
    });
    expect(fixture.txn(TxnRequest.create({ compare: [value] }))).toMatchObject({
      response: { succeeded: false },
    });
    expect(fixture.txn(TxnRequest.create({ compare: [modIs("missing", 0)] }))).toMatchObject({
      response: { succeeded: true },
    });
  });

  it("a put keeps, sets and drops its lease; a revoke deletes the keys in one revision", () => {
    const fixture = new StateFixture();
    expect(fixture.put("a", "1", { lease: 7n })).toMatchObject({
      error: { code: "leaseNotFound" },
    });
    fixture.grant(7n, 60);
    fixture.put("a", "1", { lease: 7n });
    fixture.put("b", "1", { lease: 7n });
    fixture.put("b", "2", { ignoreLease: true });
    fixture.put("c", "1", { lease: 7n });
    fixture.put("c", "2");
    const before = fixture.store.revision;
    const result = fixture.apply({ kind: "leaseRevoke", value: { id: 7n, expiredInTerm: 0 } });
    expect(result.revision).toBe(before + 1);
    expect("changes" in result && result.changes.map(({ key }) => key)).toEqual(["a", "b"]);
    expect(fixture.store.get("c")).toBeDefined();
  });

  it("a lease found expired in an older term is not revoked", () => {
    const fixture = new StateFixture();
    fixture.grant(7n, 60);
    const request = { kind: "leaseRevoke", value: { id: 7n, expiredInTerm: 3 } } as const;
    expect(fixture.apply(request, 4)).toHaveProperty("error");
    expect(fixture.apply(request, 3)).toHaveProperty("response");
  });

  it("a lease gets the TTL that the entry says, at most etcd's maximum, and its id once", () => {
    const fixture = new StateFixture();
    expect(fixture.grant(1n, 1)).toMatchObject({ response: { ttl: 1 } });
    expect(fixture.grant(1n, 5)).toMatchObject({ error: { code: "leaseExists" } });
    expect(fixture.grant(2n, 9_000_000_001)).toMatchObject({ error: { code: "leaseTtlTooLarge" } });
  });
});

describe("range()", () => {
  const filled = (): StateFixture => {
    const fixture = new StateFixture();
    for (const key of ["a", "b", "c", "d"]) fixture.put(key, key);
    fixture.put("a", "z");
    return fixture;
  };

  it("count ignores the limit, and more says that it cut", () => {
    const { store } = filled();
    const all = { rangeEnd: text("\0") };
    expect(range(store, rangeRequest("a", { ...all, limit: 2 }))).toMatchObject({
      kvs: [{ key: text("a") }, { key: text("b") }],
      count: 4,
      more: true,
    });
    expect(range(store, rangeRequest("a", { ...all, limit: 4 })).more).toBe(false);
    expect(range(store, rangeRequest("a", { ...all, countOnly: true }))).toMatchObject({
      kvs: [],
      count: 4,
    });
  });

  it("without an order it cuts first and sorts then, by any target but the key: etcd's quirk", () => {
    const fixture = new StateFixture();
    for (const key of ["d", "c", "b", "a"]) fixture.put(key, key);
    const request = rangeRequest("a", {
      rangeEnd: text("\0"),
      sortTarget: SortTarget.MOD,
      sortOrder: SortOrder.NONE,
      limit: 2,
    });
    // To know whether there are more than two it fetched a, b and c.
    expect(range(fixture.store, request)).toMatchObject({
      kvs: [{ key: text("c") }, { key: text("b") }],
      count: 4,
      more: true,
    });
  });

  it("sorts and filters before it cuts; count is without the filters", () => {
    const { store } = filled();
    const request = rangeRequest("a", {
      rangeEnd: text("\0"),
      sortTarget: SortTarget.MOD,
      sortOrder: SortOrder.DESCEND,
      limit: 2,
      minModRevision: 3,
    });
    expect(range(store, request)).toMatchObject({
      kvs: [{ key: text("a") }, { key: text("d") }],
      count: 4,
      more: true,
    });
  });
});

describe("validation", () => {
  it("refuses with etcd's codes", () => {
    expect(codeOf(() => validateRange(rangeRequest("")))).toBe("emptyKey");
    expect(codeOf(() => validateRange(rangeRequest("a", { sortOrder: 9 })))).toBe(
      "invalidSortOption",
    );
    const put = (more: Partial<PutRequest>) => PutRequest.create({ key: text("a"), ...more });
    expect(codeOf(() => validatePut(put({ ignoreValue: true, value: text("x") })))).toBe(
      "valueProvided",
    );
    expect(codeOf(() => validatePut(put({ ignoreLease: true, lease: 1n })))).toBe("leaseProvided");
  });

  it("finds double writes on any path, but not between branches that exclude each other", () => {
    const check = (success: RequestOp[]) =>
      codeOf(() => validateTxn(TxnRequest.create({ success }), 128));
    const either = txnOp(
      TxnRequest.create({ success: [putOp("a", "1")], failure: [putOp("a", "2")] }),
    );
    expect(check([putOp("a", "1"), putOp("a", "2")])).toBe("duplicateKey");
    expect(check([putOp("b", "1"), deleteOp("a", "c")])).toBe("duplicateKey");
    expect(check([deleteOp("a", "c"), deleteOp("b")])).toBeUndefined();
    expect(check([either])).toBeUndefined();
    expect(check([either, putOp("a", "3")])).toBe("duplicateKey");
    expect(check([either, either])).toBe("duplicateKey");
    expect(check([{ request: undefined }])).toBe("keyNotFound");
  });

  it("lets pass what etcd lets pass: wipe and write, and deletions that come in a later branch", () => {
    const check = (success: RequestOp[]) =>
      codeOf(() => validateTxn(TxnRequest.create({ success }), 128));
    const nested = (op: RequestOp): RequestOp => txnOp(TxnRequest.create({ success: [op] }));
    expect(check([deleteOp("\0", "\0"), putOp("a", "1")])).toBeUndefined();
    expect(check([deleteOp("a", "\0"), putOp("a", "1")])).toBeUndefined();
    expect(check([nested(putOp("a", "1")), nested(deleteOp("a"))])).toBeUndefined();
    expect(check([nested(deleteOp("a")), nested(putOp("a", "1"))])).toBe("duplicateKey");
    expect(check([deleteOp("a"), nested(putOp("a", "1"))])).toBe("duplicateKey");
    expect(check([nested(deleteOp("a")), putOp("a", "1")])).toBe("duplicateKey");
  });

  it("a transaction that wipes and writes does both, in one revision", () => {
    const fixture = new StateFixture();
    for (const key of ["a", "b"]) fixture.put(key, "old");
    const success = [deleteOp("\0", "\0"), putOp("b", "new"), putOp("c", "new")];
    expect(fixture.txn(TxnRequest.create({ success }))).toMatchObject({ revision: 4 });
    const { store } = fixture;
    const at = (revision: number): string[] =>
      range(store, rangeRequest("\0", { rangeEnd: text("\0"), revision })).kvs.map(
        (kv) =>
          `${decodeUtf8(kv.key)}=${decodeUtf8(kv.value)} v${kv.version} c${kv.createRevision}`,
      );
    expect(at(3)).toEqual(["a=old v1 c2", "b=old v1 c3"]);
    expect(at(4)).toEqual(["b=new v1 c4", "c=new v1 c4"]);
    const back = [putOp("b", "again"), txnOp(TxnRequest.create({ success: [getOp("b")] }))];
    fixture.txn(TxnRequest.create({ success: back }));
    expect(at(5)).toEqual(["b=again v2 c4", "c=new v1 c4"]);
  });

  it("a nested transaction gets what is left of the budget", () => {
    const nested = (depth: number): RequestOp =>
      txnOp(TxnRequest.create({ success: depth === 0 ? [getOp("a")] : [nested(depth - 1)] }));
    const check = (depth: number) =>
      codeOf(() => validateTxn(TxnRequest.create({ success: [nested(depth)] }), 4));
    expect(check(1)).toBeUndefined();
    expect(check(3)).toBe("tooManyOps");
  });
});
