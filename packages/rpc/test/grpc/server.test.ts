/** gRPC over HTTP/2 (PROTOCOL-HTTP2.md), as a server: spoken to by hand. */
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { HealthCheckRequest, HealthCheckResponse } from "../../src/gen/health.js";
import { implement, type ServerCall } from "../../src/handler.js";
import { createHttp2Server } from "../../src/http2/server.js";
import type { MethodDescriptor, MethodKind } from "../../src/message/method.js";
import type { RpcServer } from "../../src/server.js";
import { RpcError, StatusCode } from "../../src/status.js";
import { GrpcCaller, prefixed, statusOf } from "../support/grpc-caller.js";

function method<Kind extends MethodKind>(
  name: string,
  kind: Kind,
): MethodDescriptor<HealthCheckRequest, HealthCheckResponse, Kind> {
  const path = `/test.Raw/${name}`;
  return { path, kind, request: HealthCheckRequest, response: HealthCheckResponse };
}

const RawService = {
  name: "test.Raw",
  methods: {
    length: method("length", "unary"),
    hang: method("hang", "unary"),
    fail: method("fail", "unary"),
    lengths: method("lengths", "duplex"),
  },
} as const;

const TEXT = "50% of ∂ is\n – too much ";
const message = (service: string): Uint8Array =>
  HealthCheckRequest.encode(HealthCheckRequest.create({ service }));
const { ok, cancelled, deadlineExceeded, internal, resourceExhausted, unimplemented } = StatusCode;

describe("gRPC over HTTP/2, as a server", () => {
  let server: RpcServer;
  let caller: GrpcCaller;
  let seen: ServerCall | undefined;
  let aborted = 0;
  beforeAll(async () => {
    const service = implement(RawService, {
      length: (request, call) => {
        seen = call;
        return { status: request.service.length };
      },
      hang: (_request, call) =>
        new Promise((_, reject) => {
          seen = call;
          call.signal.addEventListener("abort", () => {
            aborted++;
            reject(call.signal.reason);
          });
        }),
      fail: () => {
        const trailers = { "x-text": "a", "x-data-bin": "AAEC" };
        throw new RpcError(StatusCode.failedPrecondition, TEXT, { trailers });
      },
      lengths: async function* (requests) {
        for await (const { service } of requests) yield { status: service.length };
      },
    });
    server = createHttp2Server({ services: [service], maxRequestBytes: 100_000 });
    const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
    caller = new GrpcCaller(port);
  });
  afterAll(async () => {
    caller.close();
    await server.close(0);
  });
  const path = { ":path": "/test.Raw/length" };
  const statuses = (body: Buffer): number[] => {
    const found: number[] = [];
    for (let at = 0; at < body.length; at += 5 + body.readUInt32BE(at + 1)) {
      expect(body[at]).toBe(0);
      const bytes = body.subarray(at + 5, at + 5 + body.readUInt32BE(at + 1));
      found.push(HealthCheckResponse.decode(bytes).status);
    }
    return found;
  };

  describe("Response", () => {
    it("Response-Headers, Length-Prefixed-Message, Trailers", async () => {
      const answer = await caller.call(path, prefixed(message("four")));
      expect(answer.status).toBe(200);
      expect(answer.headers["content-type"]).toBe("application/grpc");
      expect(answer.headers["grpc-status"]).toBeUndefined();
      expect(statuses(answer.body)).toEqual([4]);
      expect(answer.trailers?.["grpc-status"]).toBe("0");
    });

    it("Trailers-Only where there is no message: status 200, content-type and grpc-status", async () => {
      const answer = await caller.call({ ":path": "/test.Raw/fail" }, prefixed(message("")));
      expect(answer.status).toBe(200);
      expect(answer.headers["content-type"]).toBe("application/grpc");
      expect([answer.trailers, answer.body.length]).toEqual([undefined, 0]);
    });

    it("grpc-message is percent-encoded: UTF-8, %, controls, white space around", async () => {
      const answer = await caller.call({ ":path": "/test.Raw/fail" }, prefixed(message("")));
      expect(answer.headers["grpc-message"]).toMatch(/^[\x20-\x7e]*$/);
      expect(statusOf(answer)).toEqual([StatusCode.failedPrecondition, TEXT]);
    });

    it("Custom-Metadata of an error stands beside its status", async () => {
      const { headers } = await caller.call({ ":path": "/test.Raw/fail" }, prefixed(message("")));
      expect(headers).toMatchObject({ "x-text": "a" });
      expect(String(headers["x-data-bin"]).replaceAll("=", "")).toBe("AAEC");
    });

    it("a method that is not there is UNIMPLEMENTED, whatever the path", async () => {
      for (const path of ["/test.Raw/none", "/none", "/", "/test.Raw/length/", "/a/b?c"]) {
        const answer = await caller.call({ ":path": path }, prefixed(message("")));
        expect([answer.status, statusOf(answer)[0]]).toEqual([200, unimplemented]);
      }
    });
  });

  describe("Request-Headers", () => {
    it("a method other than POST is no gRPC: 405", async () => {
      const answer = await caller.call({ ...path, ":method": "PUT" }, prefixed(message("")));
      expect([answer.status, answer.trailers]).toEqual([405, undefined]);
    });

    it("Content-Type other than application/grpc is no gRPC: 415", async () => {
      for (const type of [undefined, "text/plain", "application/grpc-web", "application/grpcx"]) {
        const answer = await caller.call({ ...path, "content-type": type }, prefixed(message("")));
        expect([type, answer.status]).toEqual([type, 415]);
      }
    });

    it("Content-Type may name the codec, and parameters", async () => {
      for (const type of ["application/grpc+proto", "application/grpc;charset=utf-8"]) {
        const answer = await caller.call(
          { ...path, "content-type": type },
          prefixed(message("ab")),
        );
        expect(statusOf(answer)[0]).toBe(ok);
      }
    });

    it("Timeout in every unit ends a call that hangs; without one it would", async () => {
      const hang = { ":path": "/test.Raw/hang" };
      for (const timeout of ["0n", "1n", "1u", "20m", "00000020m"]) {
        const headers = { ...hang, "grpc-timeout": timeout };
        const answer = await caller.call(headers, prefixed(message("")));
        expect([timeout, statusOf(answer)[0]]).toEqual([timeout, deadlineExceeded]);
      }
    });

    it("the longest Timeout, of 11,000 years, does not end a call at once", async () => {
      const before = aborted;
      const stream = caller.session.request({
        ":method": "POST",
        ":path": "/test.Raw/hang",
        "content-type": "application/grpc",
        "grpc-timeout": "99999999H",
      });
      let isAnswered = false;
      stream.on("response", () => (isAnswered = true));
      stream.end(prefixed(message("")));
      // By the time of a second one that has a millisecond, this would have ended as well.
      const second = { ":path": "/test.Raw/hang", "grpc-timeout": "50m" };
      await caller.call(second, prefixed(message("")));
      expect([isAnswered, aborted]).toEqual([false, before + 1]);
      stream.close(8);
      await vi.waitFor(() => expect(aborted).toBe(before + 2));
    });

    it("Custom-Metadata reaches the handler, reserved fields do not", async () => {
      const headers = {
        ...path,
        "x-text": ["a", "b"],
        "x-data-bin": ["AAEC", "AA"],
        "grpc-x": "reserved",
        "user-agent": "by-hand/1",
        constructor: "none of Object's",
      };
      await caller.call(headers, prefixed(message("")));
      const metadata = { ...seen?.metadata };
      expect(metadata["x-text"]?.replaceAll(" ", "")).toBe("a,b");
      expect(metadata["constructor"]).toBe("none of Object's");
      expect(Object.keys(metadata)).not.toContain("grpc-x");
      expect(Object.keys(metadata)).not.toContain("te");
      expect(Object.keys(metadata).filter((name) => name.startsWith(":"))).toEqual([]);
      const [first = "", second = ""] = metadata["x-data-bin"]?.split(",") ?? [];
      expect([...Buffer.from(first, "base64")]).toEqual([0, 1, 2]);
      expect([...Buffer.from(second, "base64")]).toEqual([0]);
    });
  });

  describe("Length-Prefixed-Message", () => {
    it("may be cut anywhere: byte by byte, and within its prefix", async () => {
      const whole = prefixed(message("x".repeat(300)));
      const bytes = Array.from(whole, (byte) => Uint8Array.of(byte));
      expect(statuses((await caller.call(path, ...bytes)).body)).toEqual([300]);
      for (const place of [1, 4, 5, 6, whole.length - 1]) {
        const parts = [whole.subarray(0, place), whole.subarray(place)];
        expect(statuses((await caller.call(path, ...parts)).body)).toEqual([300]);
      }
    });

    it("many may come in one DATA frame, empty ones too, and END_STREAM alone", async () => {
      const many = Buffer.concat(["", "a", "", "bb"].map((text) => prefixed(message(text))));
      const empty = prefixed(new Uint8Array(0));
      const answer = await caller.call({ ":path": "/test.Raw/lengths" }, many, empty, many);
      expect(statuses(answer.body)).toEqual([0, 1, 0, 2, 0, 0, 1, 0, 2]);
      expect(statusOf(answer)[0]).toBe(ok);
    });

    it("one that is cut short, or missing, is an INTERNAL error", async () => {
      const whole = prefixed(message("abc"));
      for (const part of [whole.subarray(0, 3), whole.subarray(0, 6), new Uint8Array(0)]) {
        expect(statusOf(await caller.call(path, part))[0]).toBe(internal);
      }
      const stream = await caller.call(
        { ":path": "/test.Raw/lengths" },
        whole,
        whole.subarray(0, 6),
      );
      expect(statusOf(stream)[0]).toBe(internal);
    });

    it("two of them to a unary method are refused", async () => {
      const answer = await caller.call(path, prefixed(message("a")), prefixed(message("b")));
      expect([internal, unimplemented]).toContain(statusOf(answer)[0]);
    });

    it("one over the limit is RESOURCE_EXHAUSTED, by its prefix", async () => {
      const answer = await caller.call(path, prefixed(new Uint8Array(100_001)));
      expect(statusOf(answer)[0]).toBe(resourceExhausted);
      const huge = Buffer.from([0, 0xff, 0xff, 0xff, 0xff]);
      expect(statusOf(await caller.call(path, huge))[0]).toBe(resourceExhausted);
    });

    it("one that is no message of the method's type is an INTERNAL error", async () => {
      const answer = await caller.call(path, prefixed(Uint8Array.of(0x0a, 0x7f, 0x61)));
      expect(statusOf(answer)[0]).toBe(internal);
    });
  });

  describe("Compressed-Flag and Message-Encoding", () => {
    it("the flag without grpc-encoding MUST be INTERNAL", async () => {
      const answer = await caller.call(path, prefixed(gzipSync(message("a")), 1));
      expect(statusOf(answer)[0]).toBe(internal);
      const identity = { ...path, "grpc-encoding": "identity" };
      expect(statusOf(await caller.call(identity, prefixed(message("a"), 1)))[0]).toBe(internal);
    });

    it("a flag that is neither 0 nor 1 is an error", async () => {
      for (const flag of [2, 0x80, 0xff]) {
        const answer = await caller.call(path, prefixed(message("a"), flag));
        expect([internal, unimplemented]).toContain(statusOf(answer)[0]);
      }
    });

    it("an encoding that is not supported is UNIMPLEMENTED, with those that are", async () => {
      const headers = { ...path, "grpc-encoding": "snappy" };
      const answer = await caller.call(headers, prefixed(message("a"), 1));
      expect(statusOf(answer)[0]).toBe(unimplemented);
      expect({ ...answer.headers, ...answer.trailers }["grpc-accept-encoding"]).toContain(
        "identity",
      );
    });

    it("gzip is read, message by message, with and without the flag", async () => {
      const headers = { ":path": "/test.Raw/lengths", "grpc-encoding": "gzip" };
      const zipped = prefixed(gzipSync(message("x".repeat(1_000))), 1);
      const answer = await caller.call(headers, zipped, prefixed(message("ab")), zipped);
      expect(statuses(answer.body)).toEqual([1_000, 2, 1_000]);
    });

    it("a gzip bomb is RESOURCE_EXHAUSTED, and what is no gzip INTERNAL", async () => {
      const headers = { ...path, "grpc-encoding": "gzip" };
      const bomb = prefixed(gzipSync(new Uint8Array(50_000_000)), 1);
      expect(statusOf(await caller.call(headers, bomb))[0]).toBe(resourceExhausted);
      const broken = prefixed(Uint8Array.of(1, 2, 3), 1);
      expect(statusOf(await caller.call(headers, broken))[0]).toBe(internal);
    });
  });

  describe("Errors", () => {
    it("RST_STREAM of the client cancels its call, and no other", async () => {
      const before = aborted;
      const headers = { ":method": "POST", "content-type": "application/grpc" };
      const stream = caller.session.request({ ...headers, ":path": "/test.Raw/hang" });
      stream.end(prefixed(message("")));
      const other = caller.call(
        { ":path": "/test.Raw/hang", "grpc-timeout": "200m" },
        prefixed(message("")),
      );
      await caller.call(path, prefixed(message(""))); // Behind it: the call has begun.
      stream.close(8);
      await vi.waitFor(() => expect(aborted).toBe(before + 1));
      expect(statusOf(await other)[0]).toBe(deadlineExceeded);
      expect(cancelled).toBe(1);
    });
  });
});
