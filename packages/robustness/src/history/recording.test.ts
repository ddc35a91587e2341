import { encodeUtf8 } from "@sagong/base";
import { realClock } from "@sagong/base/real";
import {
  EventType,
  KeyValue,
  PutResponse,
  RangeResponse,
  ResponseHeader,
  TxnResponse,
  WatchCreateRequest,
  WatchResponse,
} from "@sagong/kv/client";
import { FilterType, KvService } from "@sagong/kv/testing";
import { createMemoryChannel, implement, RpcError, StatusCode } from "@sagong/rpc";
import { describe, expect, it } from "vitest";
import { outcomeOf } from "./call-store.js";
import { HistoryRecorder } from "./recording.js";

const header = (revision: number): ResponseHeader => ResponseHeader.create({ revision });
const kv = KeyValue.create({
  key: encodeUtf8("a"),
  value: encodeUtf8("1"),
  createRevision: 2,
  modRevision: 3,
  version: 2,
  lease: 7n,
});
const PAIR = { key: "a", value: "1", createRevision: 2, modRevision: 3, version: 2, lease: "7" };

/** A recorder whose clock moves on by a millisecond at each look. */
function recorder(): HistoryRecorder {
  let ms = 0;
  return new HistoryRecorder({ nowMs: () => ++ms });
}
const ASKING = { client: "c", member: "m1" };

describe("HistoryRecorder", () => {
  it("perform() writes down request, answer and moments", async () => {
    const service = implement(KvService, {
      range: () => RangeResponse.create({ header: header(5), kvs: [kv], count: 1 }),
      put: () => PutResponse.create({ header: header(6), prevKv: kv }),
      txn: ({ success }) =>
        TxnResponse.create({
          header: header(7),
          succeeded: true,
          responses: success.map(() => ({
            response: { kind: "responsePut", value: PutResponse.create({ header: header(7) }) },
          })),
        }),
      deleteRange: () => {
        throw new RpcError(StatusCode.unavailable, "etcdserver: request timed out");
      },
      compact: () => {
        throw new RpcError(
          StatusCode.outOfRange,
          "etcdserver: mvcc: required revision has been compacted",
        );
      },
      rangeStream: () => {
        throw new Error("nobody asks for it");
      },
    });
    const channel = createMemoryChannel([service], { clock: realClock() });
    const recording = recorder();
    const asking = { ...ASKING, channel };
    await recording.perform(asking, { kind: "range", key: "a" });
    const put = { kind: "put", key: "b", value: "2" } as const;
    await recording.perform(asking, { ...put, prevKv: true });
    await recording.perform(asking, { kind: "txn", compares: [], success: [put], failure: [] });
    await recording.perform(asking, { kind: "delete", key: "a" });
    await recording.perform(asking, { kind: "compact", revision: 2 });
    await channel.close();
    const { operations } = recording.history;
    expect(operations.map(({ outcome }) => outcome)).toEqual([
      {
        kind: "answered",
        response: { kind: "range", revision: 5, kvs: [PAIR], count: 1, more: false },
      },
      { kind: "answered", response: { kind: "put", revision: 6, prevKv: PAIR } },
      {
        kind: "answered",
        response: {
          kind: "txn",
          revision: 7,
          succeeded: true,
          answers: [{ kind: "put", revision: 7 }],
        },
      },
      { kind: "unknown", error: "etcdserver: request timed out" },
      { kind: "refused", error: "etcdserver: mvcc: required revision has been compacted" },
    ]);
    const moments = operations.map(({ calledAt, returnedAt }) => [calledAt, returnedAt]);
    expect(moments).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
      // Its effect may come at any later time.
      [7, undefined],
      [9, 10],
    ]);
  });

  it("call() stands in the history while it is under way, and ends once", () => {
    const recording = recorder();
    const operation = recording.call(ASKING, { kind: "range", key: "a" });
    expect(recording.history.operations[0]).toMatchObject({
      outcome: { kind: "unknown" },
      returnedAt: undefined,
    });
    operation.answered({ kind: "range", revision: 1, kvs: [], count: 0, more: false });
    operation.failed(new RpcError(StatusCode.unavailable, "late"));
    expect(recording.history.operations[0]?.outcome.kind).toBe("answered");
  });

  it("an error that is not the store's is thrown", () => {
    const operation = recorder().call(ASKING, { kind: "range", key: "a" });
    expect(() => operation.failed(new TypeError("ours"))).toThrow("ours");
  });

  it("watch() writes down what was asked and every response", () => {
    const recording = recorder();
    const watch = recording.watch(
      ASKING,
      WatchCreateRequest.create({
        key: encodeUtf8("a"),
        rangeEnd: encodeUtf8("b"),
        startRevision: 2,
        filters: [FilterType.NODELETE],
      }),
    );
    watch.received(WatchResponse.create({ header: header(3), created: true }));
    const events = [
      { type: EventType.PUT, kv, prevKv: undefined },
      {
        type: EventType.DELETE,
        kv: KeyValue.create({ key: encodeUtf8("a"), modRevision: 4 }),
        prevKv: kv,
      },
    ];
    watch.received(WatchResponse.create({ header: header(4), events, fragment: true }));
    watch.received(WatchResponse.create({ header: header(0), canceled: true, compactRevision: 9 }));
    watch.end({ reachedEnd: true });
    expect(watch.lastEventRevision).toBe(4);
    expect(recording.history.watches).toMatchObject([
      {
        key: "a",
        rangeEnd: "b",
        startRevision: 2,
        filters: ["delete"],
        reachedEnd: true,
        responses: [
          { at: 2, headerRevision: 3, created: true, events: [] },
          {
            headerRevision: 4,
            fragment: true,
            events: [
              { kind: "put", kv: PAIR },
              { kind: "delete", key: "a", modRevision: 4, prevKv: PAIR },
            ],
          },
          { headerRevision: 0, canceled: { reason: "", compactRevision: 9 } },
        ],
      },
    ]);
  });

  it("lease() writes down what its owner was told", () => {
    const recording = recorder();
    const lease = recording.lease({ client: "c", id: 7n, ttlMs: 1_000 });
    lease.granted({ ttlMs: 2_000 });
    const answered = lease.renew();
    lease.renew();
    answered({ ttlMs: 2_000 });
    lease.attached("a");
    const revoked = lease.revoke();
    revoked();
    expect(recording.history.leases).toEqual([
      {
        id: "7",
        client: "c",
        ttlMs: 2_000,
        grantCalledMs: 1,
        grantedMs: 2,
        renewals: [
          { calledMs: 3, answeredMs: 5, ttlMs: 2_000 },
          { calledMs: 4, answeredMs: undefined, ttlMs: undefined },
        ],
        revoke: { calledMs: 6, answeredMs: 7 },
        keys: ["a"],
      },
    ]);
  });
});

describe("outcomeOf()", () => {
  const of = (code: StatusCode, text: string): string => outcomeOf(new RpcError(code, text)).kind;

  it("is a refusal only where the store excludes an effect, or nobody listened", () => {
    expect(of(StatusCode.notFound, "etcdserver: requested lease not found")).toBe("refused");
    expect(of(StatusCode.resourceExhausted, "etcdserver: too many requests")).toBe("refused");
    expect(of(StatusCode.unavailable, "connect ECONNREFUSED 127.0.0.1:2379")).toBe("refused");
  });

  it("leaves open what may have been done", () => {
    expect(of(StatusCode.unavailable, "etcdserver: leader changed")).toBe("unknown");
    expect(of(StatusCode.deadlineExceeded, "etcdserver: context deadline exceeded")).toBe(
      "unknown",
    );
    expect(of(StatusCode.unavailable, "the connection was reset")).toBe("unknown");
    // The answer was too large for the transport: the write is done.
    expect(of(StatusCode.resourceExhausted, "received message larger than max")).toBe("unknown");
  });
});
