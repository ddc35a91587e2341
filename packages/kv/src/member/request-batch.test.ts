import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  CompactionRequest,
  DeleteRangeRequest,
  LeaseGrantRequest,
  PutRequest,
  TxnRequest,
} from "../gen/rpc.js";
import { InternalRequest, LeaseRevocation, MemberAttributes, RequestBatch } from "../gen/store.js";
import { encodeBatch, type EncodedRequest } from "./request-batch.js";

const TYPES = {
  put: PutRequest,
  deleteRange: DeleteRangeRequest,
  txn: TxnRequest,
  compact: CompactionRequest,
  leaseGrant: LeaseGrantRequest,
  leaseRevoke: LeaseRevocation,
  memberAttributes: MemberAttributes,
} as const;

describe("encodeBatch()", () => {
  it("writes what the generated type writes, for every kind of request", () => {
    const kinds = Object.keys(TYPES) as EncodedRequest["kind"][];
    const origin = { memberId: 0xfedcba9876543210n, firstSequence: 2 ** 40 + 1 };
    // Nothing but defaults: the encoding of each is empty.
    const requests = kinds.map((kind) => ({ kind, body: new Uint8Array(0) }));
    const expected = kinds.map((kind) =>
      InternalRequest.create({
        // The two go together by `kind`.
        request: { kind, value: TYPES[kind].create() } as InternalRequest["request"],
      }),
    );
    expect(RequestBatch.decode(encodeBatch(origin, requests))).toEqual({
      ...origin,
      requests: expected,
    });
  });

  it("writes bodies of any length", () => {
    const lengths = fc.oneof(
      fc.nat(300),
      fc.integer({ min: 16_300, max: 16_500 }),
      fc.integer({ min: 2_097_000, max: 2_097_300 }),
    );
    fc.assert(
      fc.property(fc.array(lengths, { maxLength: 4 }), (sizes) => {
        const puts = sizes.map((size) => PutRequest.create({ value: new Uint8Array(size) }));
        const requests = puts.map((put) => ({
          kind: "put" as const,
          body: PutRequest.encode(put),
        }));
        const batch = encodeBatch({ memberId: 1n, firstSequence: 0 }, requests);
        const values = RequestBatch.decode(batch).requests.map(({ request }) =>
          request?.kind === "put" ? request.value.value.length : -1,
        );
        expect(values).toEqual(sizes);
      }),
      { numRuns: 50 },
    );
  });
});
