import { silentLogger, VirtualClock } from "@sagong/base";
import { describe, expect, it } from "vitest";
import { PutRequest, TxnRequest } from "../gen/rpc.js";
import { putCostBytes, Quota, txnCostBytes } from "./quota.js";

const settle = (): Promise<void> => new Promise((done) => setImmediate(done));

async function setup(quotaBytes: number, size = 0) {
  const clock = new VirtualClock();
  const state = { size };
  const quota = new Quota({
    quotaBytes,
    sizeBytes: async () => state.size,
    clock,
    logger: silentLogger,
  });
  await quota.start();
  const measure = async (): Promise<void> => {
    clock.advance(1_000);
    await settle();
  };
  return { quota, state, measure };
}

describe("Quota", () => {
  it("admit() adds up what it admits between two measurements", async () => {
    const { quota } = await setup(1_000, 400);
    quota.admit(500);
    expect(() => quota.admit(200)).toThrow("etcdserver: mvcc: database space exceeded");
    expect(quota.isAlarmed).toBe(true);
    expect(() => quota.admit(1)).toThrow("database space exceeded");
  });

  it("takes writes again by itself once there is space", async () => {
    const { quota, state, measure } = await setup(1_000, 1_000);
    expect(() => quota.admit(1)).toThrow("space exceeded");
    state.size = 960;
    await measure();
    expect(quota.isAlarmed).toBe(true);
    state.size = 900;
    await measure();
    expect(quota.isAlarmed).toBe(false);
    quota.admit(50);
  });

  it("knows no limit when the quota is negative", async () => {
    const { quota } = await setup(-1, 1e12);
    quota.admit(1e12);
    expect(quota.isAlarmed).toBe(false);
  });
});

describe("txnCostBytes()", () => {
  it("is that of the dearer branch, nested ones included, and 0 without a put", () => {
    const put = PutRequest.create({ key: new Uint8Array(4), value: new Uint8Array(100) });
    const op = { request: { kind: "requestPut", value: put } } as const;
    const inner = TxnRequest.create({ failure: [op] });
    const txn = TxnRequest.create({
      success: [op],
      failure: [op, { request: { kind: "requestTxn", value: inner } }],
    });
    expect(putCostBytes(put)).toBe(360);
    expect(txnCostBytes(txn)).toBe(720);
    expect(txnCostBytes(TxnRequest.create())).toBe(0);
  });
});
