/** Requests and responses of node:http, and of node:http2's compatible interface, as ours. */
import { type IncomingMessage, type ServerResponse, validateHeaderValue } from "node:http";
import {
  constants,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Stream,
} from "node:http2";
import { TLSSocket } from "node:tls";
import type { Clock } from "@sagong/base";
import type { PeerIdentity } from "../handler.js";
import { peerIdentityOf } from "../listener/peer-identity.js";
import type { HttpHandler, HttpRequest, HttpResponse } from "./http-exchange.js";

export type NodeRequest = IncomingMessage | Http2ServerRequest;
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** A client that goes on sending after it was answered is listened to for so long, then cut off. */
const ABANDONED_BODY_MS = 5_000;

/** Serves Node's requests with a handler of ours. */
export function adaptHttpHandler(
  handler: HttpHandler,
  { clock }: { readonly clock: Clock },
): (request: NodeRequest, response: NodeResponse) => void {
  return (request, response) => {
    const exchange = new NodeExchange(request, response, clock);
    handler(exchange, exchange);
  };
}

class NodeExchange implements HttpRequest, HttpResponse {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  readonly #over = new AbortController();
  #headers: Record<string, string | undefined> | undefined;
  #isBodyRead = false;
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;

  constructor(request: NodeRequest, response: NodeResponse, clock: Clock) {
    // Both kinds are streams with the same methods and events, as far as they are used here.
    this.#request = request as IncomingMessage;
    this.#response = response as ServerResponse; // As above.
    this.#clock = clock;
    response.on("error", () => {}); // The client left: `close` follows.
    response.once("close", () => {
      this.#over.abort(new Error("the request is over"));
      this.#wakeReader?.();
      this.#wakeWriter?.();
    });
  }

  get method(): string {
    return this.#request.method ?? "GET";
  }

  get url(): string {
    return this.#request.url ?? "/";
  }

  get headers(): Readonly<Record<string, string | undefined>> {
    if (this.#headers) return this.#headers;
    // Names come from the client.
    const headers = Object.create(null) as Record<string, string | undefined>; // Of strings only.
    for (const [name, value] of Object.entries(this.#request.headers)) {
      headers[name] = Array.isArray(value) ? value.join(", ") : value;
    }
    this.#headers = headers;
    return headers;
  }

  get peer(): string {
    const { remoteAddress, remotePort } = this.#request.socket;
    return `${remoteAddress}:${remotePort}`;
  }

  get peerIdentity(): PeerIdentity | undefined {
    // A request of HTTP/2 has a proxy for its socket that hides what TLS knows.
    const { socket } = this.#stream?.session ?? this.#request;
    return socket instanceof TLSSocket ? peerIdentityOf(socket) : undefined;
  }

  get body(): AsyncIterable<Uint8Array> {
    return this.#readBody();
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  get statusCode(): number {
    return this.#response.statusCode;
  }

  set statusCode(code: number) {
    this.#response.statusCode = code;
  }

  get headersSent(): boolean {
    return this.#response.headersSent;
  }

  get writableEnded(): boolean {
    return this.#response.writableEnded || this.#over.signal.aborted;
  }

  get writableNeedDrain(): boolean {
    return (this.#stream ?? this.#response).writableNeedDrain;
  }

  setHeader(name: string, value: string | readonly string[]): void {
    const values = typeof value === "string" ? [value] : value;
    for (const one of values) validateHeaderValue(name, one); // Not all of Node's responses do.
    this.#response.setHeader(name, value);
  }

  hasHeader(name: string): boolean {
    return this.#response.hasHeader(name);
  }

  flushHeaders(): void {
    if (!this.writableEnded) this.#response.flushHeaders();
  }

  write(part: Uint8Array): boolean {
    return this.writableEnded || this.#response.write(part);
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      if (this.writableEnded) return resolve();
      const done = (): void => {
        this.#response.off("drain", done);
        this.#wakeWriter = undefined;
        resolve();
      };
      this.#wakeWriter = done;
      this.#response.on("drain", done);
    });
  }

  end(part?: Uint8Array): void {
    if (this.writableEnded) return;
    if (!this.#isBodyRead && !this.#request.complete) this.#abandonBody();
    if (part === undefined) this.#response.end();
    else this.#response.end(part);
  }

  destroy(): void {
    const stream = this.#stream;
    if (stream) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    else this.#response.destroy();
  }

  /** That of HTTP/2; requests of HTTP/1.1 have none. */
  get #stream(): ServerHttp2Stream | undefined {
    return "stream" in this.#request
      ? (this.#request.stream as ServerHttp2Stream) // Of the kind of request that has one.
      : undefined;
  }

  #abandonBody(): void {
    const stream = this.#stream;
    if (stream) {
      this.#response.once("finish", () => stream.close());
      return;
    }
    this.#isBodyRead = true;
    this.#wakeReader?.();
    const request = this.#request;
    request.removeAllListeners("readable"); // Whoever reads this way keeps it from flowing.
    request.resume();
    const timer = this.#clock.schedule(ABANDONED_BODY_MS, () => request.socket.destroy());
    request.once("close", () => timer.cancel());
  }

  async *#readBody(): AsyncGenerator<Uint8Array> {
    const request = this.#request;
    const wake = (): void => this.#wakeReader?.();
    let error: Error | undefined;
    const fail = (cause: Error): void => {
      error = cause;
      wake();
    };
    request.on("readable", wake).on("end", wake).on("close", wake).on("error", fail);
    try {
      for (;;) {
        if (error) throw error;
        // Of a stream that nobody gave an encoding.
        const part = this.#isBodyRead ? null : (request.read() as Buffer | null);
        if (part !== null) {
          yield part;
        } else if (request.readableEnded && !this.#isBodyRead) {
          return;
        } else if (this.#isBodyRead || request.destroyed || this.#over.signal.aborted) {
          throw new Error("the connection was closed");
        } else {
          await new Promise<void>((resolve) => {
            this.#wakeReader = resolve;
          });
        }
      }
    } finally {
      request.off("readable", wake).off("end", wake).off("close", wake).off("error", fail);
      this.#wakeReader = undefined;
    }
  }
}
