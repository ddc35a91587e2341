// @ts-check
import {
  KeyValue,
  PutRequest,
  RangeRequest,
  RangeResponse,
  ResponseHeader,
  TxnRequest,
  TxnResponse,
} from "@sagong/kv/client";
import { describe, expect, it } from "vitest";
import { MESSAGE_HEAD_BYTES } from "./message-cutter.mjs";
import { keyOf, LargeRanges, Puts, Ranges, Txns } from "./requests.mjs";

const KEYS = { prefix: "k/", count: 1_000, bytes: 8 };

/** @param {Buffer} framed */
const messageOf = (framed) => framed.subarray(MESSAGE_HEAD_BYTES);
/** @param {Uint8Array} bytes */
const text = (bytes) => Buffer.from(bytes).toString();
/** @type {(requests: import("./requests.mjs").Requests, message: Uint8Array) => boolean} */
const isAnswer = (requests, message) => requests.isAnswer(Buffer.from(message), 0, message.length);
const HEADER = ResponseHeader.create({ clusterId: 2n ** 63n + 5n, memberId: 2n ** 64n - 1n });

describe("Puts", () => {
  it("next() writes the key's number in place", () => {
    const puts = new Puts(KEYS, 20);
    for (const number of [0, 999, 12, 100, 0]) {
      const { key, value } = PutRequest.decode(messageOf(puts.next(number)));
      expect(text(key)).toBe(`k/${String(number).padStart(6, "0")}`);
      expect(value).toHaveLength(20);
    }
  });
});

describe("Ranges", () => {
  it("isAnswer() asks for one key", () => {
    const ranges = new Ranges(KEYS, { serializable: true });
    const request = RangeRequest.decode(messageOf(ranges.next(7)));
    expect(text(request.key)).toBe("k/000007");
    expect(request.serializable).toBe(true);
    const kv = KeyValue.create({ key: request.key });
    const answer = (/** @type {number} */ count) =>
      RangeResponse.encode(
        RangeResponse.create({ header: HEADER, kvs: Array.from({ length: count }, () => kv) }),
      );
    expect(isAnswer(ranges, answer(1))).toBe(true);
    expect(isAnswer(ranges, answer(0))).toBe(false);
    expect(() => isAnswer(ranges, answer(1).subarray(0, -1))).toThrow("Cannot read a message");
  });
});

describe("LargeRanges", () => {
  it("asks for exactly the keys, and takes no fewer", () => {
    const ranges = new LargeRanges(KEYS, { count: 3 });
    const { key, rangeEnd } = RangeRequest.decode(messageOf(ranges.next()));
    expect([text(key), text(rangeEnd)]).toEqual(["k/000000", "k/000003"]);
    const kvs = [0, 1, 2].map((number) => KeyValue.create({ key: keyOf(KEYS, number) }));
    expect(isAnswer(ranges, RangeResponse.encode(RangeResponse.create({ kvs })))).toBe(true);
    const fewer = RangeResponse.create({ kvs: kvs.slice(1), count: 3 });
    expect(isAnswer(ranges, RangeResponse.encode(fewer))).toBe(false);
  });
});

describe("Txns", () => {
  it("compares with the revision of the answer before, from 0 on", () => {
    const txns = new Txns(KEYS, 10);
    const compared = () => TxnRequest.decode(messageOf(txns.next(5))).compare[0]?.targetUnion;
    expect(compared()).toEqual({ kind: "modRevision", value: 0 });
    const answer = (/** @type {boolean} */ succeeded) =>
      TxnResponse.encode(
        TxnResponse.create({ header: { ...HEADER, revision: 2 ** 40 + 3 }, succeeded }),
      );
    expect(isAnswer(txns, answer(true))).toBe(true);
    expect(compared()).toEqual({ kind: "modRevision", value: 2 ** 40 + 3 });
    expect(isAnswer(txns, answer(false))).toBe(false);
  });
});
