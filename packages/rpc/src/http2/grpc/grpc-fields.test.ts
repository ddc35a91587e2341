import { describe, expect, it } from "vitest";
import { RpcError, StatusCode } from "../../status.js";
import { fieldsOf } from "../testing/raw-client.js";
import { metadataOf, parseRequestHead, parseTimeout } from "./request-head.js";
import { errorTrailers, percentEncode, trailersOnly } from "./response-fields.js";

const HEAD = { ":method": "POST", ":path": "/a.B/C", "content-type": "application/grpc" };

describe("parseRequestHead()", () => {
  it("takes gRPC's content types and no other", () => {
    const head = (type: string): unknown =>
      parseRequestHead(fieldsOf({ ...HEAD, "content-type": type }));
    const expected = {
      path: "/a.B/C",
      timeoutMs: undefined,
      encoding: "identity",
      acceptsGzip: false,
    };
    expect(head("application/grpc")).toEqual(expected);
    expect(head("application/grpc+proto")).toEqual(expected);
    expect(head("application/grpc; charset=utf-8")).toEqual(expected);
    expect(head("application/grpc-web")).toEqual({ httpStatus: "415" });
    expect(head("text/plain")).toEqual({ httpStatus: "415" });
  });

  it("takes POST alone", () => {
    expect(parseRequestHead(fieldsOf({ ...HEAD, ":method": "GET" }))).toEqual({
      httpStatus: "405",
    });
  });

  it("reads grpc-timeout in every unit", () => {
    const units = ["2H", "2M", "2S", "2m", "2000u", "2000000n"].map(parseTimeout);
    expect(units).toEqual([7_200_000, 120_000, 2_000, 2, 2, 2]);
    expect(["", "5", "m", "123456789m", "1.5S", "1x"].map(parseTimeout)).toEqual(
      Array.from({ length: 6 }, () => undefined),
    );
    const head = parseRequestHead(fieldsOf({ ...HEAD, "grpc-timeout": "50m" }));
    expect(head).toMatchObject({ path: "/a.B/C", timeoutMs: 50 });
  });
});

describe("metadataOf()", () => {
  it("leaves the protocol's own fields out, joins repeated ones, pads binary ones", () => {
    const fields = [
      ...fieldsOf({ ...HEAD, te: "trailers", "grpc-timeout": "1S", token: "x", "a-bin": "AQ" }),
      { name: "token", value: "y" },
    ];
    expect(metadataOf(fields)).toEqual({ token: "x,y", "a-bin": "AQ==" });
  });
});

describe("errorTrailers()", () => {
  it("carry status, message and the error's own trailers", () => {
    const error = new RpcError(StatusCode.notFound, "50% ∂\n", { trailers: { "a-bin": "AQ==" } });
    expect(errorTrailers(error)).toEqual(
      fieldsOf({ "grpc-status": "5", "grpc-message": "50%25 %E2%88%82%0A", "a-bin": "AQ==" }),
    );
    expect(trailersOnly(error)[0]).toEqual({ name: ":status", value: "200" });
  });

  it("are those of an internal error where its own are no fields", () => {
    for (const trailers of [{ A: "b" }, { a: "∂" }, { a: "b\n" }, { ":path": "/" }]) {
      const fields = errorTrailers(new RpcError(StatusCode.notFound, "gone", { trailers }));
      expect(fields.map(({ name }) => name)).toEqual(["grpc-status", "grpc-message"]);
      expect(fields[0]?.value).toBe(String(StatusCode.internal));
    }
  });

  it("percentEncode() leaves no white space around", () => {
    expect(percentEncode(" a b ")).toBe("%20a b%20");
  });
});
