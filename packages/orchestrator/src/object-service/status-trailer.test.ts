import { RpcError, StatusCode } from "@sagong/rpc";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ApiError, invalid, notFound, REASON_CODES, type StatusReason } from "../api/api-status.js";
import { apiErrorOf, STATUS_TRAILER, toRpcError } from "./status-trailer.js";

const REASONS = Object.keys(REASON_CODES) as StatusReason[]; // The table's own keys.

describe("toRpcError(), apiErrorOf()", () => {
  it("apiErrorOf() gives back the very refusal, whatever its text", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...REASONS),
        fc.string({ unit: "grapheme", maxLength: 200 }),
        fc.option(fc.record({ name: fc.string({ unit: "grapheme", maxLength: 60 }) }), {
          nil: undefined,
        }),
        (reason, message, details) => {
          const sent = new ApiError(reason, message || "-", details);
          expect(apiErrorOf(toRpcError(sent))).toEqual(sent);
        },
      ),
    );
  });

  it("toRpcError() says in gRPC's codes roughly what it is", () => {
    expect(toRpcError(notFound({ group: "", resource: "pods" }, "a"))).toMatchObject({
      code: StatusCode.notFound,
      message: 'pods "a" not found',
    });
  });

  it("toRpcError() leaves out causes rather than send what no peer takes", () => {
    const causes = Array.from({ length: 2_000 }, (_, i) => ({
      reason: "FieldValueInvalid",
      field: `spec.containers[${i}].name`,
      message: "Invalid value: 사공",
    }));
    const error = toRpcError(invalid({ group: "", kind: "Pod" }, "a", causes));
    expect(error.trailers[STATUS_TRAILER]?.length).toBeLessThan(8 * 1024);
    const got = apiErrorOf(error);
    expect(got).toMatchObject({ reason: "Invalid", code: 422 });
    expect(got?.message).toMatch(/^Pod "a" is invalid: .*…$/);
    expect(got?.details?.causes?.[0]).toEqual(causes[0]);
    expect(got?.details?.causes?.length).toBeGreaterThan(10);
  });

  it("apiErrorOf() takes nothing for a refusal that is none", () => {
    expect(apiErrorOf(new RpcError(StatusCode.unavailable, "no connection"))).toBeUndefined();
    const trailers = { [STATUS_TRAILER]: Buffer.from("{broken").toString("base64") };
    expect(apiErrorOf(new RpcError(StatusCode.internal, "x", { trailers }))).toBeUndefined();
  });
});
