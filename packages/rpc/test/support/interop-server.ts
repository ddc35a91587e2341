/** A server for programs of others: gRPC health, and plain requests that send, take and hang. */
import { readFileSync } from "node:fs";
import { realClock } from "@sagong/base/real";
import { createHealthService } from "../../src/health-service.js";
import type { HttpRequest, HttpResponse } from "../../src/http/http-exchange.js";
import { createHttp2Server } from "../../src/http2/server.js";
import { testCertificate } from "../../src/testing/test-certificates.js";

const PAGE = new URL("../testdata/interop-page.html", import.meta.url);
const PART_BYTES = 10_000;

export interface InteropServer {
  readonly port: number;
  /** Requests for /hang that came, and that were left by their client. */
  readonly hung: { begun: number; left: number };
  close(): Promise<void>;
}

export async function startInteropServer({
  tls,
}: {
  readonly tls: boolean;
}): Promise<InteropServer> {
  const hung = { begun: 0, left: 0 };
  const server = createHttp2Server({
    services: [createHealthService(() => true, { clock: realClock() })],
    http: (request, response) => void answer(request, response, hung),
    ...(tls ? { tls: testCertificate("localhost") } : {}),
  });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  return { port, hung, close: () => server.close(0) };
}

/** Byte i of every body is i modulo 251: a prime, so that a part in the wrong place is seen. */
export function pattern(bytes: number): Uint8Array {
  const body = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) body[i] = i % 251;
  return body;
}

async function answer(
  request: HttpRequest,
  response: HttpResponse,
  hung: { begun: number; left: number },
): Promise<void> {
  const [, what = "", size = "0"] = request.url.split("/");
  try {
    if (what === "bytes") return await sendBytes(response, Number(size));
    if (what === "echo") return await echo(request, response);
    if (what === "count") return await count(request, response);
    if (what === "hang") return hang(request, response, hung);
    if (what === "hung") return response.end(Buffer.from(JSON.stringify(hung)));
    if (what !== "") {
      response.statusCode = 404;
      return response.end();
    }
    response.setHeader("content-type", "text/html");
    response.end(readFileSync(PAGE));
  } catch {
    response.destroy(); // The client has left while its body was read.
  }
}

async function sendBytes(response: HttpResponse, size: number): Promise<void> {
  const body = pattern(size);
  for (let sent = 0; sent < size && !response.writableEnded; sent += PART_BYTES) {
    if (!response.write(body.subarray(sent, sent + PART_BYTES))) await response.drained();
  }
  response.end();
}

async function echo(request: HttpRequest, response: HttpResponse): Promise<void> {
  for await (const part of request.body) {
    if (!response.write(part)) await response.drained();
  }
  response.end();
}

async function count(request: HttpRequest, response: HttpResponse): Promise<void> {
  let [bytes, isPattern] = [0, true];
  for await (const part of request.body) {
    for (let i = 0; i < part.length; i++) isPattern &&= part[i] === (bytes + i) % 251;
    bytes += part.length;
  }
  const { cookie, te } = request.headers;
  response.setHeader("content-type", "application/json");
  response.end(Buffer.from(JSON.stringify({ bytes, isPattern, cookie, te })));
}

function hang(
  request: HttpRequest,
  response: HttpResponse,
  hung: { begun: number; left: number },
): void {
  hung.begun++;
  request.signal.addEventListener("abort", () => hung.left++);
  response.write(pattern(10));
}
