import { once } from "node:events";
import { get } from "node:http";
import { connect } from "node:http2";
import { encodeUtf8 } from "@sagong/base";
import { describe, expect, it, vi } from "vitest";
import { HealthCheckRequest, HealthCheckResponse, HealthService } from "../gen/health.js";
import { createGrpcJsChannel } from "../grpc-js/channel.js";
import { implement } from "../handler.js";
import { EncodedMessage } from "../message/encoded-message.js";
import type { MethodDescriptor } from "../message/method.js";
import { StatusCode } from "../status.js";
import { createHttp2Channel } from "./client/http2-channel.js";
import { DEFAULT_LIMITS } from "./connection/limits.js";
import { prefixMessage } from "./grpc/message-writer.js";
import { createHttp2Server } from "./server.js";

const LARGE_BYTES = 300_000;
const LARGE = {
  name: "test.Large",
  methods: {
    get: {
      path: "/test.Large/get",
      kind: "unary",
      request: HealthCheckRequest,
      response: HealthCheckRequest,
    },
  },
} as const;

describe("createHttp2Server()", () => {
  it("serves HTTP/1.1 on the same port", async () => {
    const server = createHttp2Server({
      services: [],
      http1: (_request, response) => response.end("plain"),
    });
    const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
    const text = await new Promise((resolve) => {
      get({ port, host: "127.0.0.1", agent: false }, (response) => {
        response.setEncoding("utf8").on("data", resolve);
      });
    });
    expect(text).toBe("plain");
    await server.close(10);
  });

  it("refuses a request over its limit with resourceExhausted", async () => {
    const service = implement(HealthService, { check: () => ({ status: 1 }) });
    const server = createHttp2Server({ services: [service], maxRequestBytes: 1000 });
    const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
    const channel = createGrpcJsChannel({ endpoint: `http://127.0.0.1:${port}` });
    const request = HealthCheckRequest.create({ service: "x".repeat(2000) });
    await expect(channel.unary(HealthService.methods.check, request)).rejects.toMatchObject({
      code: StatusCode.resourceExhausted,
    });
    await channel.close();
    await server.close(10);
  });

  it("says what is wrong with a message that it cannot decode, in every kind of call", async () => {
    const service = implement(HealthService, {
      check: () => ({ status: 1 }),
      watch: async function* () {
        yield { status: 1 };
      },
    });
    const server = createHttp2Server({ services: [service] });
    const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
    const channel = createGrpcJsChannel({ endpoint: `http://127.0.0.1:${port}` });
    // Field 1, of 127 bytes, of which one comes.
    const request = { ...HealthCheckRequest, encode: () => Uint8Array.of(0x0a, 0x7f, 0x61) };
    const refusal = {
      code: StatusCode.internal,
      message:
        "Cannot decode grpc.health.v1.HealthCheckRequest: a field of 127 bytes where 1 are left at offset 2 of 3",
    };
    const { check, watch } = HealthService.methods;
    const empty = HealthCheckRequest.create();
    await expect(channel.unary({ ...check, request }, empty)).rejects.toMatchObject(refusal);
    const stream = channel.serverStream({ ...watch, request }, empty);
    await expect(stream[Symbol.asyncIterator]().next()).rejects.toMatchObject(refusal);
    await channel.close();
    await server.close(10);
  });

  it.each(["grpc-js", "ours"])(
    "tells who made an answer that its memory is free, not before %s may read it",
    async (client) => {
      let sent = 0;
      const service = implement(LARGE, {
        get: ({ service: letter }) => {
          const text = encodeUtf8(letter.repeat(LARGE_BYTES));
          const head = HealthCheckRequest.encode({ service: letter.repeat(LARGE_BYTES) });
          const parts = [head.subarray(0, head.length - LARGE_BYTES), text];
          return new EncodedMessage(parts, () => {
            sent++;
            text.fill(0); // What is used again is written over.
          });
        },
      });
      const server = createHttp2Server({ services: [service] });
      const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
      const create = client === "ours" ? createHttp2Channel : createGrpcJsChannel;
      const channel = create({ endpoint: `http://127.0.0.1:${port}` });
      const letters = "abcdefghij".split("");
      const answers = await Promise.all(
        letters.map((letter) =>
          channel.unary(LARGE.methods.get, HealthCheckRequest.create({ service: letter })),
        ),
      );
      const isWhole = answers.map(
        ({ service: text }, i) => text === letters[i]?.repeat(LARGE_BYTES),
      );
      expect(isWhole).toEqual(letters.map(() => true));
      await vi.waitFor(() => expect(sent).toBe(letters.length));
      await channel.close();
      await server.close(10);
    },
  );

  it("never says so of an answer that the client does not read to its end", async () => {
    let sent = 0;
    const service = implement(LARGE, {
      get: () => new EncodedMessage([new Uint8Array(4 * LARGE_BYTES)], () => sent++),
    });
    const server = createHttp2Server({ services: [service] });
    const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
    const session = connect(`http://127.0.0.1:${port}`);
    const { path } = LARGE.methods.get;
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.pause();
    stream.end(prefixMessage(HealthCheckRequest.encode({ service: "" })));
    await once(stream, "response");
    session.destroy();
    await once(session, "close");
    await server.close(10);
    expect(sent).toBe(0);
  });

  it("close() lets a unary call end, ends a stream, and then the connection", async () => {
    let answer: (response: { status: number }) => void = () => {};
    const service = implement(HealthService, {
      check: () =>
        new Promise<{ status: number }>((resolve) => {
          answer = resolve;
        }),
      watch: async function* (_request, call) {
        yield { status: 1 };
        await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
      },
    });
    const server = createHttp2Server({ services: [service] });
    const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
    const channel = createGrpcJsChannel({ endpoint: `http://127.0.0.1:${port}` });
    const { check, watch } = HealthService.methods;
    const request = HealthCheckRequest.create();
    const stream = channel.serverStream(watch, request)[Symbol.asyncIterator]();
    await stream.next();
    const unary = channel.unary(check, request);
    // Sent after it on the same connection: once this fails, the unary call has arrived.
    const unknown = { ...check, path: "/none" };
    await expect(channel.unary(unknown, request)).rejects.toMatchObject({
      code: StatusCode.unimplemented,
    });
    const closed = server.close(20_000);
    await expect(stream.next()).rejects.toMatchObject({ code: StatusCode.unavailable });
    answer({ status: 7 });
    expect(await unary).toMatchObject({ status: 7 });
    await closed;
    await channel.close();
  });

  it("serves a stream of requests with one response", async () => {
    const sum: MethodDescriptor<HealthCheckRequest, HealthCheckResponse, "client-stream"> = {
      ...HealthService.methods.check,
      path: "/test.Sum/sum",
      kind: "client-stream",
    };
    const service = implement({ name: "test.Sum", methods: { sum } } as const, {
      sum: async (requests) => {
        let status = 0;
        for await (const request of requests) status += request.service.length;
        return HealthCheckResponse.create({ status });
      },
    });
    const server = createHttp2Server({ services: [service] });
    const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
    const channel = createGrpcJsChannel({ endpoint: `http://127.0.0.1:${port}` });
    async function* requests(): AsyncGenerator<HealthCheckRequest> {
      for (const text of ["a", "bb", "x".repeat(700_000)]) {
        yield HealthCheckRequest.create({ service: text });
      }
    }
    expect(await channel.clientStream(sum, requests())).toMatchObject({ status: 700_003 });
    await channel.close();
    await server.close(10);
  });

  it("lets a client send no more than windows and limits while a handler does not read", async () => {
    const talk: MethodDescriptor<HealthCheckRequest, HealthCheckResponse, "duplex"> = {
      ...HealthService.methods.check,
      path: "/test.Talk/talk",
      kind: "duplex",
    };
    let read: () => void = () => {};
    const mayRead = new Promise<void>((resolve) => {
      read = resolve;
    });
    const service = implement({ name: "test.Talk", methods: { talk } } as const, {
      talk: async function* (requests) {
        await mayRead;
        let status = 0;
        for await (const request of requests) status += request.service.length;
        yield HealthCheckResponse.create({ status });
      },
    });
    const server = createHttp2Server({ services: [service] });
    const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
    const sent = { bytes: 0 };
    const session = connect(`http://127.0.0.1:${port}`);
    const stream = session.request({
      ":method": "POST",
      ":path": talk.path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    const message = HealthCheckRequest.encode(
      HealthCheckRequest.create({ service: "x".repeat(10_000) }),
    );
    // A hundred messages exceed every window; Node says of each when it has gone out.
    const sending = (async () => {
      for (let i = 0; i < 100; i++) {
        await new Promise((resolve) => stream.write(prefixMessage(message), resolve));
        sent.bytes += message.length;
      }
    })();
    const { streamWindow } = DEFAULT_LIMITS;
    await vi.waitFor(() => expect(sent.bytes).toBeGreaterThan(streamWindow / 2));
    await new Promise((resolve) => session.ping(() => resolve(undefined)));
    expect(sent.bytes).toBeLessThan(streamWindow + 128 * 1024);
    read();
    await sending;
    stream.end();
    const answer: Buffer = await new Promise((resolve) => void stream.once("data", resolve));
    const { status } = HealthCheckResponse.decode(answer.subarray(5));
    expect(status).toBe(1_000_000);
    session.destroy();
    await server.close(10);
  });

  it("listen() rejects with the system's error where the port is taken", async () => {
    const first = createHttp2Server({ services: [] });
    const { port } = await first.listen({ host: "127.0.0.1", port: 0 });
    const second = createHttp2Server({ services: [] });
    await expect(second.listen({ host: "127.0.0.1", port })).rejects.toThrow("EADDRINUSE");
    await first.close(10);
    await second.close(10);
  });
});
