// @ts-check
import { once } from "node:events";
import { createServer } from "node:http2";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openConnection } from "./connection.mjs";
import { withHead } from "./message-cutter.mjs";
import { runCalls } from "./run-calls.mjs";

/** Node's own HTTP/2, so that the generator is not checked against itself. */
/** @type {import("node:http2").Http2Server} */
let server;
/** @type {import("./connection.mjs").Connection} */
let connection;
let endpoint = "";
/** What the server does with a call whose request is whole. @type {(stream: import("node:http2").ServerHttp2Stream, body: Buffer) => void} */
let answer;

beforeEach(async () => {
  server = createServer();
  server.on("stream", (stream) => {
    /** @type {Buffer[]} */
    const parts = [];
    stream.on("data", (/** @type {Buffer} */ part) => parts.push(part));
    stream.on("end", () => answer(stream, Buffer.concat(parts)));
    // A cancelled call is an error to its stream.
    stream.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  endpoint = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  connection = await openConnection(endpoint);
});

afterEach(async () => {
  connection.close();
  server.close();
  await once(server, "close");
});

/**
 * @param {import("node:http2").ServerHttp2Stream} stream
 * @param {readonly Buffer[]} messages
 * @param {Record<string, string>} trailers
 */
function respond(stream, messages, trailers) {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.once("wantTrailers", () => stream.sendTrailers(trailers));
  stream.end(Buffer.concat(messages));
}

/** @param {Buffer} framed @returns {Promise<{ status: number, text: string, messages: Buffer[] }>} */
function call(framed) {
  /** @type {Buffer[]} */
  const messages = [];
  return new Promise((resolve) => {
    connection.call("/test/Call", framed, {
      onMessage: (bytes, start, end) => messages.push(Buffer.from(bytes.subarray(start, end))),
      onEnd: (status, text) => resolve({ status, text, messages }),
    });
  });
}

describe("Connection", () => {
  it("call() sends what it is given and gives the answer and the status", async () => {
    answer = (stream, body) => respond(stream, [body], { "grpc-status": "0" });
    const requests = Array.from({ length: 50 }, (_, i) => Buffer.from(`request ${i}`));
    const answers = await Promise.all(requests.map((message) => call(withHead(message))));
    expect(answers).toEqual(
      requests.map((message) => ({ status: 0, text: "", messages: [message] })),
    );
  });

  it("call() waits for the server's windows, and takes answers larger than any frame", async () => {
    answer = (stream, body) => respond(stream, [body, body], { "grpc-status": "0" });
    const large = withHead(Buffer.alloc(1_000_000, "large "));
    const answers = await Promise.all([call(large), call(large)]);
    for (const { status, messages } of answers) {
      expect(status).toBe(0);
      expect(messages.map((one) => one.equals(large.subarray(5)))).toEqual([true, true]);
    }
  });

  it("a refusal has its status and its text, decoded", async () => {
    answer = (stream) =>
      stream.respond(
        { ":status": 200, "grpc-status": "9", "grpc-message": "lease%20already exists" },
        { endStream: true },
      );
    expect(await call(withHead(Buffer.of(1)))).toEqual({
      status: 9,
      text: "lease already exists",
      messages: [],
    });
  });

  it("no status, a cut message and a reset are no answer", async () => {
    answer = (stream) => respond(stream, [], {});
    expect(await call(withHead(Buffer.of(1)))).toMatchObject({ status: -1 });
    answer = (stream) => respond(stream, [Buffer.of(0, 0, 0)], { "grpc-status": "0" });
    expect(await call(withHead(Buffer.of(1)))).toMatchObject({ text: "a message was cut off" });
    answer = (stream) => stream.close(2);
    expect(await call(withHead(Buffer.of(1)))).toMatchObject({ text: "stream reset with 2" });
  });

  it("cancel() ends a call at the server, and its handler hears nothing", async () => {
    const closed = new Promise((resolve) => {
      answer = (stream) => {
        stream.once("close", () => resolve(stream.rstCode));
        connection.cancel(id);
      };
    });
    const id = connection.call("/test/Call", withHead(Buffer.of(1)), {
      onMessage: () => expect.unreachable(),
      onEnd: () => expect.unreachable(),
    });
    expect(await closed).toBe(8);
  });

  it("a connection that the server drops ends its calls", async () => {
    answer = (stream) => stream.session?.destroy();
    expect(await call(withHead(Buffer.of(1)))).toMatchObject({ status: -1 });
    expect(connection.failure).toBeInstanceOf(Error);
  });
});

describe("runCalls()", () => {
  /** @type {import("./run-calls.mjs").CallsJob} */
  const job = {
    type: "calls",
    endpoints: [],
    inFlight: 7,
    mix: { put: 1 },
    keys: { prefix: "k", count: 10, bytes: 4 },
    order: "sequential",
    valueBytes: 10,
    requests: 100,
  };
  /** A PutResponse with a header. */
  const right = withHead(Buffer.of(0x0a, 0x02, 0x18, 0x01));

  it("counts what was answered with ok and the right answer, and nothing else", async () => {
    let calls = 0;
    answer = (stream) => {
      const turn = calls++ % 4;
      if (turn === 0)
        respond(stream, [right], { "grpc-status": "14", "grpc-message": "no leader" });
      else if (turn === 1) respond(stream, [], { "grpc-status": "0" });
      else if (turn === 2) respond(stream, [withHead(Buffer.of())], { "grpc-status": "0" });
      else respond(stream, [right], { "grpc-status": "0" });
    };
    const { acknowledged, refused } = await runCalls({ ...job, endpoints: [endpoint] });
    expect(acknowledged).toEqual({ put: 25 });
    expect(refused).toEqual({
      "14 no leader": 25,
      "0 answers": 25,
      "put: not the answer expected": 25,
    });
  });

  it("rejects where the connection ends", async () => {
    answer = (stream) => stream.session?.destroy();
    await expect(runCalls({ ...job, endpoints: [endpoint] })).rejects.toThrow(/GOAWAY|closed/);
  });
});
