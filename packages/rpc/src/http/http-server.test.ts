import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { connect as connectTcp } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { RpcServer } from "../server.js";
import { TRANSPORTS } from "../transport.js";
import { createHttpServer } from "./create-http-server.js";
import type { HttpHandler, HttpResponse } from "./http-exchange.js";

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

const open: RpcServer[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close(0)));
});

const VARIANTS = TRANSPORTS.flatMap((transport) => [
  { transport, http: 1 as const },
  { transport, http: 2 as const },
]);

describe.each(VARIANTS)("createHttpServer() over $transport, HTTP/$http", (variant) => {
  const { transport, http } = variant;
  const serve = async (handler: HttpHandler): Promise<number> => {
    const server = createHttpServer({ transport, handler });
    open.push(server);
    return (await server.listen({ host: "127.0.0.1", port: 0 })).port;
  };
  const send = http === 1 ? sendHttp1 : sendHttp2;

  it("carries method, path, headers and body, and the answer's", async () => {
    const port = await serve((request, response) => {
      void (async () => {
        const parts: Uint8Array[] = [];
        for await (const part of request.body) parts.push(part);
        const { method, url, headers } = request;
        response.statusCode = 201;
        response.setHeader("content-type", "application/json");
        response.setHeader("warning", ["a", "b"]);
        const body = Buffer.concat(parts).toString();
        response.end(Buffer.from(JSON.stringify({ method, url, mark: headers["mark"], body })));
      })();
    });
    const answer = await send(port, { method: "POST", path: "/a?b=c", body: "x".repeat(200_000) });
    expect(answer.status).toBe(201);
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(answer.headers["warning"]).toBe("a, b");
    expect(answer.headers["date"]).toMatch(/GMT$/);
    expect(JSON.parse(answer.text)).toEqual({
      method: "POST",
      url: "/a?b=c",
      mark: "yes",
      body: "x".repeat(200_000),
    });
  });

  it("HEAD, 204 and 304 have no content, whatever the handler writes", async () => {
    const port = await serve((request, response) => {
      response.statusCode = Number(request.url.slice(1));
      response.end(Buffer.from("content"));
    });
    expect(await send(port, { method: "HEAD", path: "/200" })).toMatchObject({ text: "" });
    expect(await send(port, { path: "/204" })).toMatchObject({ status: 204, text: "" });
    expect(await send(port, { path: "/304" })).toMatchObject({ status: 304, text: "" });
  });

  it("setHeader() refuses what would be no header", async () => {
    const port = await serve((_request, response) => {
      let refused = 0;
      for (const [name, value] of [
        ["a b", "x"],
        ["a", "x\r\ny: z"],
      ] as const) {
        try {
          response.setHeader(name, value);
        } catch (error) {
          if (error instanceof TypeError) refused++;
        }
      }
      response.end(Buffer.from(String(refused)));
    });
    expect(await send(port, { path: "/" })).toMatchObject({ text: "2" });
  });

  it("an answer before the body's end is whole, and the body is not waited for", async () => {
    const bodyFailed = vi.fn<(error: unknown) => void>();
    const port = await serve((request, response) => {
      void (async () => {
        try {
          for await (const part of request.body) {
            if (part.length > 0) response.end(Buffer.from("enough"));
          }
        } catch (error) {
          bodyFailed(error);
        }
      })();
    });
    const answer = await send(port, { method: "POST", path: "/", body: "begin", isOpen: true });
    expect(answer.text).toBe("enough");
    await vi.waitFor(() => expect(bodyFailed).toHaveBeenCalledTimes(1));
  });

  it("write() says when the client does not read, and drained() when it does or leaves", async () => {
    const seen = { bytes: 0, isBehind: false, isOver: false };
    const port = await serve((request, response) => {
      request.signal.addEventListener("abort", () => {
        seen.isOver = true;
      });
      void flood(response, seen);
    });
    const stream = await begin(port, http);
    await vi.waitFor(() => expect(seen.isBehind).toBe(true));
    // Windows, queues and the kernel's buffers hold a few megabytes.
    expect(seen.bytes).toBeLessThan(64_000_000);
    const before = seen.bytes;
    stream.resume();
    await vi.waitFor(() => expect(seen.bytes).toBeGreaterThan(before));
    stream.destroy();
    await vi.waitFor(() => expect(seen.isOver).toBe(true));
  });

  it("signal is aborted when the client leaves, and the body throws", async () => {
    const over = vi.fn<(error: unknown) => void>();
    const begun = vi.fn<() => void>();
    const port = await serve((request, response) => {
      response.flushHeaders();
      void (async () => {
        for await (const part of request.body) if (part.length > 0) begun();
      })().catch(over);
    });
    const stream = await begin(port, http);
    await vi.waitFor(() => expect(begun).toHaveBeenCalled());
    stream.destroy();
    await vi.waitFor(() => expect(over).toHaveBeenCalledTimes(1));
  });

  it("destroy() leaves no answer that a client takes for a whole one", async () => {
    const port = await serve((_request, response) => {
      response.write(Buffer.from("half"));
      response.destroy();
    });
    await expect(send(port, { path: "/" })).rejects.toThrow(/./);
  });

  it("close() lets an answer end", async () => {
    let response: HttpResponse | undefined;
    const port = await serve((_request, given) => {
      response = given;
    });
    const answer = send(port, { path: "/" });
    await vi.waitFor(() => expect(response).toBeDefined());
    const closed = open.pop()?.close(20_000);
    response?.end(Buffer.from("late"));
    expect(await answer).toMatchObject({ text: "late" });
    await closed;
  });
});

describe("createHttpServer()", () => {
  it("takes a request whose first segment is one letter for HTTP/1.1", async () => {
    const server = createHttpServer({ handler: (_request, response) => response.end() });
    open.push(server);
    const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
    const socket = connectTcp({ host: "127.0.0.1", port, noDelay: true });
    socket.write("P");
    await new Promise((resolve) => setImmediate(resolve));
    socket.write("UT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    expect(String((await once(socket, "data"))[0])).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
  });
});

async function flood(
  response: HttpResponse,
  seen: { bytes: number; isBehind: boolean },
): Promise<void> {
  const part = Buffer.alloc(64 * 1024);
  while (!response.writableEnded) {
    seen.bytes += part.length;
    if (response.write(part)) continue;
    seen.isBehind = response.writableNeedDrain;
    await response.drained();
  }
}

interface Sent {
  readonly method?: string;
  readonly path: string;
  readonly body?: string;
  /** The body does not end. */
  readonly isOpen?: boolean;
}

async function sendHttp1(port: number, sent: Sent): Promise<Answer> {
  const { method = "GET", path, body = "", isOpen = false } = sent;
  const headers = { mark: "yes", ...(isOpen ? { "content-length": 1_000_000 } : {}) };
  const request = httpRequest({ host: "127.0.0.1", port, method, path, headers, agent: false });
  if (isOpen) request.write(body);
  else request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage]; // node:http's event.
  let text = "";
  for await (const chunk of response) text += String(chunk);
  request.destroy();
  return { status: response.statusCode ?? 0, headers: response.headers, text };
}

async function sendHttp2(port: number, sent: Sent): Promise<Answer> {
  const session = connect(`http://127.0.0.1:${port}`);
  try {
    return await collect(session, sent);
  } finally {
    session.destroy();
  }
}

async function collect(
  session: ClientHttp2Session,
  { method = "GET", path, body, isOpen = false }: Sent,
): Promise<Answer> {
  const headers = { ":method": method, ":path": path, mark: "yes" };
  const stream = session.request(headers, { endStream: body === undefined });
  if (isOpen) stream.write(body);
  else if (body !== undefined) stream.end(body);
  const [head] = (await once(stream, "response")) as [Answer["headers"]]; // node:http2's event.
  let text = "";
  for await (const chunk of stream) text += String(chunk);
  return { status: Number(head[":status"]), headers: head, text };
}

/** A request whose body has begun, and whose answer nobody reads yet. */
async function begin(
  port: number,
  http: 1 | 2,
): Promise<{ resume(): unknown; destroy(): unknown }> {
  if (http === 1) {
    const headers = { "content-length": 100 };
    const request = httpRequest({ host: "127.0.0.1", port, method: "POST", headers, agent: false });
    request.write("x");
    const [response] = (await once(request, "response")) as [IncomingMessage]; // As above.
    return response;
  }
  const session = connect(`http://127.0.0.1:${port}`);
  const stream = session.request({ ":method": "POST", ":path": "/" });
  stream.on("error", () => {});
  stream.once("close", () => session.destroy());
  stream.write("x");
  await once(stream, "response");
  return stream;
}
