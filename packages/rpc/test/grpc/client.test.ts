/** gRPC over HTTP/2 (PROTOCOL-HTTP2.md), as a client: answered by hand, over Node's HTTP/2. */
import { once } from "node:events";
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CallOptions, Channel } from "../../src/channel.js";
import { createChannel } from "../../src/create-channel.js";
import { errorOfReset } from "../../src/http2/client/response-fields.js";
import { HealthCheckRequest, HealthCheckResponse, HealthService } from "../../src/gen/health.js";
import { type RpcError, StatusCode } from "../../src/status.js";
import { prefixed } from "../support/grpc-caller.js";

const HEAD = { ":status": 200, "content-type": "application/grpc" };
const OK_MESSAGE = prefixed(HealthCheckResponse.encode(HealthCheckResponse.create({ status: 7 })));
const { check, watch } = HealthService.methods;

/** What a server answers with, in order. */
interface Script {
  readonly head?: OutgoingHttpHeaders;
  readonly body?: Uint8Array;
  readonly trailers?: OutgoingHttpHeaders;
  /** Instead of an end. */
  readonly reset?: number;
}

describe("gRPC over HTTP/2, as a client", () => {
  let server: Http2Server;
  let channel: Channel;
  let answer: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void = () => {};
  beforeAll(async () => {
    server = createServer();
    server.on("stream", (stream: ServerHttp2Stream, headers) => {
      stream.on("error", () => {}); // Resets are what is tested.
      answer(stream, headers);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    channel = createChannel({ endpoint: `http://127.0.0.1:${port}`, transport: "http2" });
  });
  afterAll(async () => {
    await channel.close();
    server.close();
  });

  const call = (options?: CallOptions): Promise<HealthCheckResponse> =>
    channel.unary(check, HealthCheckRequest.create({ service: "a" }), options);
  const play = ({ head = HEAD, body, trailers, reset }: Script): void => {
    answer = (stream) => {
      stream.resume();
      const isAll = body === undefined && trailers === undefined && reset === undefined;
      stream.respond(head, { endStream: isAll, waitForTrailers: trailers !== undefined });
      stream.on("wantTrailers", () => stream.sendTrailers(trailers ?? {}));
      if (isAll) return;
      if (body !== undefined) stream.write(body);
      if (reset === undefined) stream.end();
      else if (body === undefined) stream.close(reset);
      else setImmediate(() => stream.close(reset));
    };
  };
  const codeOf = async (script: Script, options?: CallOptions): Promise<number> => {
    play(script);
    return call(options).then(
      () => 0,
      (error: RpcError) => error.code,
    );
  };

  describe("Request", () => {
    it("Request-Headers are those that it has to send, in order", async () => {
      let seen: IncomingHttpHeaders = {};
      let body = Buffer.alloc(0);
      answer = (stream, headers) => {
        seen = headers;
        stream.on("data", (part: Buffer) => (body = Buffer.concat([body, part])));
        stream.on("end", () => {
          stream.respond({ ...HEAD, "grpc-status": "0" }, { endStream: true });
        });
      };
      const options = { timeoutMs: 5_000, metadata: { "x-text": "a", "x-data-bin": "AAEC" } };
      await expect(call(options)).rejects.toMatchObject({ code: StatusCode.internal }); // No message.
      expect(Object.keys(seen).slice(0, 4).toSorted()).toEqual([
        ":authority",
        ":method",
        ":path",
        ":scheme",
      ]);
      expect(seen).toMatchObject({
        ":method": "POST",
        ":scheme": "http",
        ":path": "/grpc.health.v1.Health/Check",
        te: "trailers",
        "content-type": expect.stringMatching(/^application\/grpc(\+proto)?$/),
        "x-text": "a",
      });
      expect(seen["x-data-bin"]?.toString().replaceAll("=", "")).toBe("AAEC");
      expect(seen["grpc-timeout"]).toMatch(/^[0-9]{1,8}[HMSmun]$/);
      expect(body).toEqual(
        prefixed(HealthCheckRequest.encode(HealthCheckRequest.create({ service: "a" }))),
      );
    });

    it("a Timeout of years has no more than eight digits", async () => {
      let seen: IncomingHttpHeaders = {};
      answer = (stream, headers) => {
        seen = headers;
        stream.respond({ ...HEAD, "grpc-status": "5" }, { endStream: true });
      };
      await expect(call({ timeoutMs: 1e12 })).rejects.toMatchObject({ code: 5 });
      expect(seen["grpc-timeout"]).toMatch(/^[0-9]{1,8}[HMSmun]$/);
    });

    it("metadata that is no field is refused before it breaks the connection", async () => {
      for (const metadata of [
        { "a b": "x" },
        { A: "x" },
        { a: "x\ny" },
        { ":path": "/" },
        { "grpc-x": "y" },
      ]) {
        await expect(call({ metadata })).rejects.toMatchObject({ code: StatusCode.internal });
      }
    });

    it("a call that is cancelled, or late, resets its stream with CANCEL", async () => {
      const codes: number[] = [];
      const reset = new Promise<void>((resolve) => {
        answer = (stream) => {
          stream.on("close", () => {
            codes.push(stream.rstCode);
            if (codes.length === 2) resolve();
          });
        };
      });
      const controller = new AbortController();
      const cancelled = call({ signal: controller.signal });
      const late = call({ timeoutMs: 100 });
      setTimeout(() => controller.abort(), 50);
      await expect(cancelled).rejects.toMatchObject({ code: StatusCode.cancelled });
      await expect(late).rejects.toMatchObject({ code: StatusCode.deadlineExceeded });
      await reset;
      expect(codes).toEqual([8, 8]);
    });
  });

  describe("Response", () => {
    it("headers, a message, trailers", async () => {
      play({ body: OK_MESSAGE, trailers: { "grpc-status": "0" } });
      expect(await call()).toMatchObject({ status: 7 });
    });

    it("a message cut byte by byte", async () => {
      answer = (stream) => {
        stream.respond(HEAD, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
        for (const byte of OK_MESSAGE) stream.write(Uint8Array.of(byte));
        stream.end();
      };
      expect(await call()).toMatchObject({ status: 7 });
    });

    it("Trailers-Only has the status in its headers", async () => {
      play({ head: { ...HEAD, "grpc-status": "5", "grpc-message": "not %E2%88%82 here%21" } });
      await expect(call()).rejects.toMatchObject({ code: 5, message: "not ∂ here!" });
    });

    it("a grpc-message that is encoded wrongly is shown, and no error", async () => {
      for (const text of ["100%", "%zz", "%", "%E2%88", "%41%4"]) {
        play({ head: { ...HEAD, "grpc-status": "5", "grpc-message": text } });
        const error: RpcError = await call().then(
          () => expect.fail("no error"),
          (reason: RpcError) => reason,
        );
        expect(error.code).toBe(5);
        expect(error.message.length).toBeGreaterThan(0);
      }
    });

    it("a status that is no code is UNKNOWN", async () => {
      for (const status of ["99", "x", "-1", "1.5", "0x5"]) {
        const head = { ...HEAD, "grpc-status": status };
        expect([status, await codeOf({ head })]).toEqual([status, StatusCode.unknown]);
      }
    });

    it("without a status: UNKNOWN or INTERNAL, never ok", async () => {
      expect([2, 13]).toContain(await codeOf({ body: OK_MESSAGE }));
      expect([2, 13]).toContain(await codeOf({ body: OK_MESSAGE, trailers: { a: "b" } }));
      expect([2, 13]).toContain(await codeOf({ head: HEAD }));
    });

    it("ok without a message, or with two, is an error of a unary call", async () => {
      const trailers = { "grpc-status": "0" };
      const two = Buffer.concat([OK_MESSAGE, OK_MESSAGE]);
      for (const body of [undefined, new Uint8Array(0), two]) {
        const code = await codeOf(body === undefined ? { trailers } : { body, trailers });
        expect([StatusCode.internal, StatusCode.unimplemented]).toContain(code);
      }
    });

    it("ok within a message is an error", async () => {
      const script = { body: OK_MESSAGE.subarray(0, 6), trailers: { "grpc-status": "0" } };
      expect(await codeOf(script)).toBe(StatusCode.internal);
    });

    it("an error's status wins over the message before it", async () => {
      expect(await codeOf({ body: OK_MESSAGE, trailers: { "grpc-status": "9" } })).toBe(9);
    });

    it("the Compressed-Flag without grpc-encoding MUST be INTERNAL", async () => {
      const body = Buffer.from(OK_MESSAGE);
      body[0] = 1;
      expect(await codeOf({ body, trailers: { "grpc-status": "0" } })).toBe(StatusCode.internal);
    });

    it("an encoding that was not offered is INTERNAL", async () => {
      const script = { head: { ...HEAD, "grpc-encoding": "snappy" }, body: OK_MESSAGE };
      expect(await codeOf({ ...script, trailers: { "grpc-status": "0" } })).toBe(
        StatusCode.internal,
      );
    });

    it("a stream gives what came before its status", async () => {
      play({ body: Buffer.concat([OK_MESSAGE, OK_MESSAGE]), trailers: { "grpc-status": "10" } });
      const statuses: number[] = [];
      const reading = (async () => {
        for await (const { status } of channel.serverStream(watch, HealthCheckRequest.create())) {
          statuses.push(status);
        }
      })();
      await expect(reading).rejects.toMatchObject({ code: 10 });
      expect(statuses).toEqual([7, 7]);
    });
  });

  describe("HTTP to gRPC Status Code Mapping, where there is no grpc-status", () => {
    const { internal, permissionDenied, unauthenticated, unavailable, unimplemented, unknown } =
      StatusCode;
    it.each([
      [400, internal],
      [401, unauthenticated],
      [403, permissionDenied],
      [404, unimplemented],
      [429, unavailable],
      [502, unavailable],
      [503, unavailable],
      [504, unavailable],
      [418, unknown],
      [500, unknown],
      [302, unknown],
    ])("%i is %i", async (http, code) => {
      const head = { ":status": http, "content-type": "text/html" };
      expect(await codeOf({ head })).toBe(code);
      expect(await codeOf({ head, body: Buffer.from("<html>") })).toBe(code);
    });

    it("200 with another content-type is UNKNOWN or INTERNAL", async () => {
      const head = { ":status": 200, "content-type": "text/html" };
      expect([unknown, internal]).toContain(await codeOf({ head, body: OK_MESSAGE }));
      expect([unknown, internal]).toContain(await codeOf({ head }));
    });

    it("a status of gRPC's own goes before HTTP's", async () => {
      expect(await codeOf({ head: { ...HEAD, ":status": 503, "grpc-status": "7" } })).toBe(7);
    });
  });

  describe("Errors: RST_STREAM", () => {
    const { cancelled, internal, permissionDenied, resourceExhausted, unavailable } = StatusCode;
    it.each([
      [0, internal],
      [1, internal],
      [2, internal],
      [3, internal],
      [4, internal],
      [6, internal],
      [7, unavailable],
      [8, cancelled],
      [9, internal],
      [10, internal],
      [11, resourceExhausted],
      [12, permissionDenied],
      [0xdeadbeef, internal],
    ])("the code %i is %i", (reset, code) => {
      expect(errorOfReset(reset).code).toBe(code);
    });

    it("ends a call before its answer and within it", async () => {
      expect(await codeOf({ reset: 8 })).toBe(cancelled);
      expect(await codeOf({ body: OK_MESSAGE.subarray(0, 6), reset: 2 })).toBe(internal);
    });

    it("REFUSED_STREAM is tried once more, as it was not processed", async () => {
      let calls = 0;
      answer = (stream) => {
        if (calls++ === 0) return stream.close(7);
        stream.respond(HEAD, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
        stream.end(OK_MESSAGE);
      };
      expect(await call()).toMatchObject({ status: 7 });
      expect(calls).toBe(2);
    });

    it("REFUSED_STREAM again and again is UNAVAILABLE, after few tries", async () => {
      let calls = 0;
      answer = (stream) => {
        calls++;
        stream.close(7);
      };
      await expect(call()).rejects.toMatchObject({ code: StatusCode.unavailable });
      expect(calls).toBeLessThanOrEqual(5);
    });
  });
});
