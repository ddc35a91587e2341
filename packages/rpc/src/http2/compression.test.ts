import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from "node:http2";
import { once } from "node:events";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HealthCheckRequest } from "../gen/health.js";
import { implement } from "../handler.js";
import { EncodedMessage } from "../message/encoded-message.js";
import type { MethodDescriptor } from "../message/method.js";
import type { RpcServer } from "../server.js";
import { StatusCode } from "../status.js";
import { prefixMessage } from "./grpc/message-writer.js";
import { createHttp2Server } from "./server.js";

const MAX_REQUEST_BYTES = 100_000;

/** Answers what it is asked, once as a message and once encoded. */
const methods = {
  echo: method("unary", "echo"),
  twice: method("server-stream", "twice"),
} as const;

function method<Kind extends "unary" | "server-stream">(
  kind: Kind,
  name: string,
): MethodDescriptor<HealthCheckRequest, HealthCheckRequest, Kind> {
  const type = HealthCheckRequest;
  return { path: `/test.Echo/${name}`, kind, request: type, response: type };
}

const service = implement(
  { name: "test.Echo", methods },
  {
    echo: (request) => request,
    twice: async function* (request) {
      yield request;
      yield new EncodedMessage([HealthCheckRequest.encode(request)]);
    },
  },
);

let server: RpcServer;
let session: ClientHttp2Session;

async function open(responseCompression?: "gzip"): Promise<void> {
  const compression = responseCompression ? { responseCompression } : {};
  server = createHttp2Server({
    services: [service],
    maxRequestBytes: MAX_REQUEST_BYTES,
    ...compression,
  });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  session = connect(`http://127.0.0.1:${port}`);
}

beforeEach(() => open());
afterEach(async () => {
  session.destroy();
  await server.close(0);
});

interface Answer {
  readonly head: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly content: Buffer;
}

async function call(
  path: string,
  content: Uint8Array,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  });
  let trailers: IncomingHttpHeaders = {};
  stream.on("trailers", (fields: IncomingHttpHeaders) => {
    trailers = fields;
  });
  stream.on("error", () => {}); // The server need not take all of a request that it refuses.
  stream.end(content);
  const [head] = (await once(stream, "response")) as [IncomingHttpHeaders]; // node:http2's event.
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer); // As above.
  return { head, trailers, content: Buffer.concat(parts) };
}

function encoded(service: string): Uint8Array {
  return HealthCheckRequest.encode(HealthCheckRequest.create({ service }));
}

function compressed(message: Uint8Array): Uint8Array {
  const bytes = prefixMessage(gzipSync(message));
  bytes[0] = 1;
  return bytes;
}

const { path } = methods.echo;
const GZIP = { "grpc-encoding": "gzip" };
const TEXT = "x".repeat(50_000);

describe("requests compressed by gzip", () => {
  it("are inflated, beside others that are not", async () => {
    for (const content of [compressed(encoded(TEXT)), prefixMessage(encoded(TEXT))]) {
      const answer = await call(path, content, GZIP);
      expect(answer.trailers["grpc-status"]).toBe("0");
      expect(HealthCheckRequest.decode(answer.content.subarray(5)).service).toBe(TEXT);
    }
  });

  it("are refused where they inflate beyond the limit of a request", async () => {
    const bomb = compressed(new Uint8Array(20_000_000));
    expect(bomb.length).toBeLessThan(MAX_REQUEST_BYTES);
    const { head } = await call(path, bomb, GZIP);
    expect(head["grpc-status"]).toBe(String(StatusCode.resourceExhausted));
    expect(head["grpc-message"]).toContain(`larger than ${MAX_REQUEST_BYTES}`);
  });

  it("are refused where they are no gzip, or no encoding was named", async () => {
    const wrong = prefixMessage(Uint8Array.of(1, 2, 3));
    wrong[0] = 1;
    const broken = await call(path, wrong, GZIP);
    expect(broken.head["grpc-status"]).toBe(String(StatusCode.internal));
    const unnamed = await call(path, compressed(encoded("a")), {});
    expect(unnamed.head["grpc-status"]).not.toBe("0");
  });

  it("other encodings are refused, with what is accepted", async () => {
    const { head } = await call(path, prefixMessage(encoded("a")), { "grpc-encoding": "br" });
    expect(head["grpc-status"]).toBe(String(StatusCode.unimplemented));
    expect(head["grpc-accept-encoding"]).toBe("identity,gzip");
  });
});

describe("responses", () => {
  const ACCEPT = { "grpc-accept-encoding": "deflate, gzip" };

  it("are not compressed unless the server's options say so", async () => {
    const { head, content } = await call(path, prefixMessage(encoded(TEXT)), ACCEPT);
    expect(head["grpc-encoding"]).toBeUndefined();
    expect(content[0]).toBe(0);
  });

  it("are compressed where they are large and the client takes it, in every kind of call", async () => {
    session.destroy();
    await server.close(0);
    await open("gzip");
    const asked = prefixMessage(encoded(TEXT));
    for (const [name, count] of [
      ["echo", 1],
      ["twice", 2],
    ] as const) {
      const { head, content, trailers } = await call(methods[name].path, asked, ACCEPT);
      expect(head["grpc-encoding"]).toBe("gzip");
      expect(trailers["grpc-status"]).toBe("0");
      let rest = content;
      for (let i = 0; i < count; i++) {
        expect(rest[0]).toBe(1);
        const end = 5 + rest.readUInt32BE(1);
        expect(gunzipSync(rest.subarray(5, end))).toEqual(Buffer.from(encoded(TEXT)));
        rest = rest.subarray(end);
      }
      expect(rest.length).toBe(0);
    }
    const small = await call(path, prefixMessage(encoded("a")), ACCEPT);
    expect(small.content[0]).toBe(0);
    const plain = await call(path, asked, {});
    expect(plain.head["grpc-encoding"]).toBeUndefined();
    expect(plain.content[0]).toBe(0);
  });
});
