import { once } from "node:events";
import {
  constants,
  createServer as createNodeServer,
  type Http2Server,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { VirtualClock } from "@sagong/base";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Channel } from "../../channel.js";
import { HealthCheckRequest, HealthCheckResponse, HealthService } from "../../gen/health.js";
import { StatusCode } from "../../status.js";
import { prefixMessage } from "../grpc/message-writer.js";
import { type ChannelDependencies, createHttp2Channel } from "./http2-channel.js";

const { check, watch } = HealthService.methods;
const REQUEST = HealthCheckRequest.create({ service: "a" });
const HEAD = { ":status": 200, "content-type": "application/grpc" };
const MESSAGE = HealthCheckResponse.encode(HealthCheckResponse.create({ status: 7 }));

type Answer = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface NodeServer {
  readonly server: Http2Server;
  readonly sessions: Http2Session[];
  readonly sockets: Socket[];
  readonly endpoint: string;
}

/** Node's own HTTP/2, which does whatever `answer` says. */
async function serve(answer: Answer, settings: object = {}): Promise<NodeServer> {
  const server = createNodeServer({ settings });
  const sessions: Http2Session[] = [];
  const sockets: Socket[] = [];
  server.on("connection", (socket: Socket) => sockets.push(socket));
  server.on("session", (session) => sessions.push(session));
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {}); // Streams that the client, or the test, resets.
    answer(stream, headers);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(async () => {
    for (const session of sessions) session.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo; // A server on TCP has one.
  return { server, sessions, sockets, endpoint: `http://127.0.0.1:${port}` };
}

function open(
  endpoint: string,
  options: { readonly maxResponseBytes?: number } = {},
  dependencies: ChannelDependencies = {},
): Channel {
  const channel = createHttp2Channel({ endpoint, ...options }, dependencies);
  closers.push(() => channel.close());
  return channel;
}

function succeed(stream: ServerHttp2Stream, content: Uint8Array = prefixMessage(MESSAGE)): void {
  stream.respond(HEAD, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.end(content);
}

function gzipped(message: Uint8Array): Uint8Array {
  const content = prefixMessage(gzipSync(message));
  content[0] = 1;
  return content;
}

describe("Http2Channel: requests", () => {
  it("are what gRPC asks for", async () => {
    const seen: IncomingHttpHeaders[] = [];
    const { endpoint } = await serve((stream, headers) => {
      seen.push(headers);
      succeed(stream);
    });
    const channel = open(endpoint);
    const metadata = { token: "x" };
    // Connected: of the timeout nothing is spent on that.
    await channel.unary(check, REQUEST);
    seen.length = 0;
    await channel.unary(check, REQUEST, { timeoutMs: 1_234.5, metadata });
    expect(await channel.unary(check, REQUEST, { timeoutMs: 1e9 })).toMatchObject({ status: 7 });
    expect(seen[0]).toMatchObject({
      ":method": "POST",
      ":scheme": "http",
      ":path": "/grpc.health.v1.Health/Check",
      ":authority": endpoint.slice("http://".length),
      te: "trailers",
      "content-type": "application/grpc",
      "grpc-accept-encoding": "identity,gzip",
      "grpc-timeout": "1235m",
      token: "x",
    });
    expect(seen[1]?.["grpc-timeout"]).toBe("1000000S");
  });

  it("with metadata that is no header fields, or the protocol's own, are refused", async () => {
    const { endpoint } = await serve((stream) => succeed(stream));
    const channel = open(endpoint);
    for (const name of ["Upper", ":path", "te", "grpc-status", "a b", "connection"]) {
      const call = channel.unary(check, REQUEST, { metadata: { [name]: "x" } });
      await expect(call).rejects.toMatchObject({ name: "RpcError", code: StatusCode.internal });
    }
    const call = channel.unary(check, REQUEST, { metadata: { a: "x\ny" } });
    await expect(call).rejects.toMatchObject({ code: StatusCode.internal });
  });
});

describe("Http2Channel: responses", () => {
  const failing = async (answer: Answer, maxResponseBytes?: number): Promise<unknown> => {
    const { endpoint } = await serve(answer);
    const channel = open(endpoint, maxResponseBytes === undefined ? {} : { maxResponseBytes });
    return channel.unary(check, REQUEST).then(
      (response) => response,
      (error: unknown) => error,
    );
  };

  it("that are no gRPC have the status of their HTTP status", async () => {
    const codes: [number, number][] = [
      [400, StatusCode.internal],
      [401, StatusCode.unauthenticated],
      [403, StatusCode.permissionDenied],
      [404, StatusCode.unimplemented],
      [429, StatusCode.unavailable],
      [502, StatusCode.unavailable],
      [503, StatusCode.unavailable],
      [504, StatusCode.unavailable],
      [418, StatusCode.unknown],
    ];
    for (const [status, code] of codes) {
      const error = await failing((stream) => {
        stream.respond({ ":status": status });
        stream.end("<html>");
      });
      expect(error).toMatchObject({
        name: "RpcError",
        code,
        message: expect.stringContaining(`${status}`),
      });
    }
    const html = await failing((stream) => {
      stream.respond({ ":status": 200, "content-type": "text/html" });
      stream.end("<html>");
    });
    expect(html).toMatchObject({
      code: StatusCode.unknown,
      message: expect.stringContaining("text/html"),
    });
  });

  it("without a status, or with one that is none, end the call with an error", async () => {
    const trailersOf =
      (trailers: Record<string, string>): Answer =>
      (stream) => {
        stream.respond(HEAD, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers(trailers));
        stream.end(prefixMessage(MESSAGE));
      };
    expect(await failing(trailersOf({ a: "b" }))).toMatchObject({ code: StatusCode.unknown });
    expect(await failing(trailersOf({ "grpc-status": "77", "grpc-message": "x" }))).toMatchObject({
      code: StatusCode.unknown,
      message: expect.stringContaining("77"),
    });
    const ended = await failing((stream) => {
      stream.respond(HEAD);
      stream.end(prefixMessage(MESSAGE));
    });
    expect(ended).toMatchObject({ code: StatusCode.internal });
    const refusal = { "grpc-status": "9", "grpc-message": "50%25 caf%C3%A9 %zz" };
    expect(await failing(trailersOf({ ...refusal, "x-bin": "3q2+7w" }))).toMatchObject({
      code: StatusCode.failedPrecondition,
      message: "50% café %zz",
      trailers: { "x-bin": "3q2+7w==" },
    });
  });

  it("of no message, two, or half a one end the call with internal", async () => {
    const message = prefixMessage(MESSAGE);
    const contents = [
      new Uint8Array(0),
      new Uint8Array([...message, ...message]),
      message.slice(0, 6),
    ];
    for (const content of contents) {
      expect(await failing((stream) => succeed(stream, content))).toMatchObject({
        name: "RpcError",
        code: StatusCode.internal,
      });
    }
  });

  it("that cannot be decoded end the call with internal", async () => {
    const content = prefixMessage(Uint8Array.of(0x0a, 0x7f));
    expect(await failing((stream) => succeed(stream, content))).toMatchObject({
      code: StatusCode.internal,
      message: expect.stringContaining("Cannot decode grpc.health.v1.HealthCheckResponse"),
    });
  });

  it("on streams that are reset have the status of the reset", async () => {
    const codes: [number, number][] = [
      [constants.NGHTTP2_CANCEL, StatusCode.cancelled],
      [constants.NGHTTP2_ENHANCE_YOUR_CALM, StatusCode.resourceExhausted],
      [constants.NGHTTP2_INADEQUATE_SECURITY, StatusCode.permissionDenied],
      [constants.NGHTTP2_INTERNAL_ERROR, StatusCode.internal],
    ];
    for (const [reset, code] of codes) {
      expect(await failing((stream) => stream.close(reset))).toMatchObject({ code });
    }
  });

  it("are inflated where they are compressed, up to the limit", async () => {
    const answer =
      (message: Uint8Array): Answer =>
      (stream) => {
        stream.respond({ ...HEAD, "grpc-encoding": "gzip" }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
        stream.end(gzipped(message));
      };
    expect(await failing(answer(MESSAGE), 100)).toMatchObject({ status: 7 });
    expect(await failing(answer(new Uint8Array(100_000)), 1_000)).toMatchObject({
      code: StatusCode.resourceExhausted,
    });
    expect(await failing((stream) => succeed(stream, gzipped(MESSAGE)))).toMatchObject({
      name: "RpcError",
    });
    const brotli = await failing((stream) => {
      stream.respond({ ...HEAD, "grpc-encoding": "br" });
      stream.end(gzipped(MESSAGE));
    });
    expect(brotli).toMatchObject({
      code: StatusCode.internal,
      message: expect.stringContaining("br"),
    });
    const corrupt = prefixMessage(Uint8Array.of(1, 2, 3));
    corrupt[0] = 1;
    const broken = await failing((stream) => {
      stream.respond({ ...HEAD, "grpc-encoding": "gzip" });
      stream.end(corrupt);
    });
    expect(broken).toMatchObject({ code: StatusCode.internal });
  });
});

describe("Http2Channel: streams and connections that the server does not process", () => {
  it("a refused stream is tried once more, and no further", async () => {
    let calls = 0;
    let refusals = 1;
    const { endpoint } = await serve((stream) => {
      calls++;
      if (refusals-- > 0) stream.close(constants.NGHTTP2_REFUSED_STREAM);
      else succeed(stream);
    });
    const channel = open(endpoint);
    expect(await channel.unary(check, REQUEST)).toMatchObject({ status: 7 });
    expect(calls).toBe(2);
    refusals = 2;
    await expect(channel.unary(check, REQUEST)).rejects.toMatchObject({
      code: StatusCode.unavailable,
    });
    expect(calls).toBe(4);
  });

  it("a duplex call that is refused is tried with what was sent so far", async () => {
    let isFirst = true;
    const { endpoint } = await serve((stream) => {
      if (isFirst) {
        isFirst = false;
        stream.once("data", () => stream.close(constants.NGHTTP2_REFUSED_STREAM));
        return;
      }
      const parts: Buffer[] = [];
      stream.on("data", (part: Buffer) => parts.push(part));
      stream.on("end", () => succeed(stream, Buffer.concat(parts)));
    });
    const mirror = { ...check, kind: "duplex", response: HealthCheckRequest } as const;
    const call = open(endpoint).duplex(mirror);
    await call.send(HealthCheckRequest.create({ service: "one" }));
    await call.send(HealthCheckRequest.create({ service: "two" }));
    call.end();
    const services: string[] = [];
    for await (const { service } of call.responses) services.push(service);
    expect(services).toEqual(["one", "two"]);
  });

  it("a reset after the response has begun is no refusal", async () => {
    let calls = 0;
    const { endpoint } = await serve((stream) => {
      calls++;
      stream.respond(HEAD);
      stream.write(prefixMessage(MESSAGE), () => stream.close(constants.NGHTTP2_REFUSED_STREAM));
    });
    const responses = open(endpoint).serverStream(watch, REQUEST)[Symbol.asyncIterator]();
    await responses.next();
    await expect(responses.next()).rejects.toMatchObject({ name: "RpcError" });
    expect(calls).toBe(1);
  });

  it("GOAWAY moves new calls, and those above its last stream, to a new connection", async () => {
    const held: ServerHttp2Stream[] = [];
    const { endpoint, sessions } = await serve((stream) => {
      if (sessions.length === 1) held.push(stream);
      else succeed(stream);
    });
    const channel = open(endpoint);
    const calls = [1, 2, 3].map(() => channel.unary(check, REQUEST));
    await vi.waitFor(() => expect(held.length).toBe(3));
    sessions[0]?.goaway(constants.NGHTTP2_NO_ERROR, 3);
    expect(await calls[2]).toMatchObject({ status: 7 });
    expect(sessions.length).toBe(2);
    expect(await channel.unary(check, REQUEST)).toMatchObject({ status: 7 });
    expect(sessions.length).toBe(2);
    for (const stream of held.slice(0, 2)) succeed(stream);
    expect(await Promise.all(calls)).toMatchObject([{ status: 7 }, { status: 7 }, { status: 7 }]);
    await vi.waitFor(() => expect(sessions[0]?.destroyed).toBe(true));
  });

  it("a lost connection ends its calls as unavailable, and is made anew", async () => {
    const { endpoint, sessions, sockets } = await serve((stream, headers) => {
      if (headers[":path"] === check.path) succeed(stream);
    });
    const channel = open(endpoint);
    await channel.unary(check, REQUEST);
    const hanging = channel.unary({ ...check, path: "/hang" }, REQUEST);
    const stream = channel.serverStream(watch, REQUEST)[Symbol.asyncIterator]().next();
    const ends = [hanging, stream].map((call) =>
      expect(call).rejects.toMatchObject({ name: "RpcError", code: StatusCode.unavailable }),
    );
    await channel.unary(check, REQUEST); // By then both are there.
    sockets[0]?.destroy(); // Without a word of HTTP/2.
    await Promise.all(ends);
    expect(await channel.unary(check, REQUEST)).toMatchObject({ status: 7 });
    expect(sessions.length).toBe(2);
  });

  it("calls beyond the server's limit of streams wait, each until its deadline", async () => {
    const held: ServerHttp2Stream[] = [];
    const { endpoint } = await serve((stream) => held.push(stream), { maxConcurrentStreams: 2 });
    const channel = open(endpoint);
    const calls = [1, 2, 3, 4].map(() => channel.unary(check, REQUEST));
    const late = channel.unary(check, REQUEST, { timeoutMs: 50 });
    await expect(late).rejects.toMatchObject({ code: StatusCode.deadlineExceeded });
    const cancel = new AbortController();
    const left = channel.unary(check, REQUEST, { signal: cancel.signal });
    cancel.abort();
    await expect(left).rejects.toMatchObject({ code: StatusCode.cancelled });
    for (let answered = 0; answered < 4; answered++) {
      await vi.waitFor(() => expect(held.length).toBeGreaterThan(answered));
      expect(held.length).toBeLessThanOrEqual(answered + 2);
      succeed(held[answered] as ServerHttp2Stream); // There are that many, as waited for.
    }
    expect(await Promise.all(calls)).toHaveLength(4);
    expect(held.length).toBe(4);
  });
});

describe("Http2Channel: servers that are none", () => {
  async function listen(onSocket: (socket: Socket) => void): Promise<string> {
    const sockets: Socket[] = [];
    const server = createTcpServer((socket) => {
      sockets.push(socket);
      socket.on("error", () => {});
      onSocket(socket);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closers.push(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // As in serve().
  }

  it("end calls as unavailable: HTTP/1.1, or one that hangs up", async () => {
    const http1 = await listen((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    const silent = await listen((socket) => socket.destroy());
    for (const endpoint of [http1, silent]) {
      await expect(open(endpoint).unary(check, REQUEST)).rejects.toMatchObject({
        name: "RpcError",
        code: StatusCode.unavailable,
        message: expect.stringMatching(/^No connection established/),
      });
    }
  });

  it("that accept and say nothing are given up after 20 s, and tried again after a while", async () => {
    let accepted = 0;
    const endpoint = await listen(() => accepted++);
    const clock = new VirtualClock();
    const channel = open(endpoint, {}, { clock });
    const first = channel.unary(check, REQUEST);
    await vi.waitFor(() => expect(accepted).toBe(1));
    clock.advance(20_000);
    const failure = { code: StatusCode.unavailable, message: expect.stringMatching(/20000 ms/) };
    await expect(first).rejects.toMatchObject(failure);
    const second = channel.unary(check, REQUEST);
    await vi.waitFor(() => expect(accepted).toBe(2));
    clock.advance(20_000);
    await expect(second).rejects.toMatchObject(failure);
  });

  it("after a failure calls fail at once until the next attempt is due", async () => {
    const closed = createTcpServer().listen(0, "127.0.0.1");
    await once(closed, "listening");
    const endpoint = `http://127.0.0.1:${(closed.address() as AddressInfo).port}`; // As in serve().
    await new Promise((resolve) => closed.close(resolve));
    const clock = new VirtualClock();
    const channel = open(endpoint, {}, { clock });
    const message = expect.stringMatching(/^No connection established.*ECONNREFUSED/);
    await expect(channel.unary(check, REQUEST)).rejects.toMatchObject({ message });
    let isSettled = false;
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    const failing = channel.unary(check, REQUEST).catch(() => {
      isSettled = true;
    });
    await turn();
    expect(isSettled).toBe(true);
    await failing;
    clock.advance(200);
    isSettled = false;
    const trying = channel.unary(check, REQUEST).catch(() => {
      isSettled = true;
    });
    // The attempt is made by the system, which answers in a later turn.
    await Promise.resolve();
    expect(isSettled).toBe(false);
    await trying;
    expect(isSettled).toBe(true);
  });

  it("that fall silent while a call is open are asked, and left where they do not answer", async () => {
    const clock = new VirtualClock();
    const { endpoint, sessions } = await serve((stream, headers) => {
      if (headers[":path"] === check.path) succeed(stream);
    });
    let pings = 0;
    const channel = open(endpoint, {}, { clock });
    await channel.unary(check, REQUEST);
    sessions[0]?.on("ping", () => pings++);
    const hanging = channel.unary({ ...check, path: "/hang" }, REQUEST);
    hanging.catch(() => {}); // Looked at below.
    await channel.unary(check, REQUEST);
    clock.advance(10_000);
    await vi.waitFor(() => expect(pings).toBe(1));
    await channel.unary(check, REQUEST); // The answer to the PING came before this one's.
    clock.advance(5_000);
    expect(await channel.unary(check, REQUEST)).toMatchObject({ status: 7 });
    expect(sessions.length).toBe(1);
    // The second PING, and no time for its answer.
    clock.advance(20_000);
    await expect(hanging).rejects.toMatchObject({
      code: StatusCode.unavailable,
      message: expect.stringContaining("PING"),
    });
  });
});

describe("Http2Channel: limits", () => {
  it("calls that wait for a connection are limited", async () => {
    const server = createTcpServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    closers.push(async () => void server.close());
    const channel = open(`http://127.0.0.1:${(server.address() as AddressInfo).port}`); // As in serve().
    const calls = Array.from({ length: 10_000 }, () => channel.unary(check, REQUEST));
    await expect(channel.unary(check, REQUEST)).rejects.toMatchObject({
      code: StatusCode.resourceExhausted,
    });
    const ends = calls.map((call) => call.catch((error: unknown) => error));
    await channel.close();
    expect(new Set((await Promise.all(ends)).map(String))).toEqual(
      new Set(["RpcError: the channel was closed"]),
    );
  });

  it("a sender that does not wait for its sends is stopped", async () => {
    const { endpoint } = await serve(() => {});
    const call = open(endpoint).duplex({ ...check, kind: "duplex" } as const);
    const request = HealthCheckRequest.create({ service: "x".repeat(1_000_000) });
    const sends = Array.from({ length: 20 }, () => call.send(request).catch(String));
    expect(await sends.at(-1)).toMatch(/Cannot send a request: \d+ bytes wait already/);
    call.cancel();
    expect(await sends[0]).toMatch(/cancelled/);
  });
});
