/**
 * A plain HTTP request on a stream of ours, with its response. What the handler has not read of
 * the body keeps the stream's window shut; what the client has not read of the response waits in
 * the connection's queue, and the handler is told.
 */
import type { PeerIdentity } from "../handler.js";
import type { HttpRequest, HttpResponse } from "../http/http-exchange.js";
import type { RpcError } from "../status.js";
import { BodyParts } from "./body-parts.js";
import { checkTrailerFields } from "./connection/message-fields.js";
import { ErrorCode } from "./frames/error-code.js";
import type { HeaderField } from "./hpack/header-field.js";
import type { StreamHost, StreamUser } from "./stream-user.js";

/** Headers whose values come again: worth a place in the peer's table. */
const REPEATED: ReadonlySet<string> = new Set(["cache-control", "content-type", "vary"]);

export class HttpStream implements StreamUser, HttpRequest, HttpResponse {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  statusCode = 200;
  readonly #host: StreamHost;
  readonly #streamId: number;
  readonly #responseHeaders = new Map<string, readonly string[]>();
  #over: AbortController | undefined;
  readonly #unread = new BodyParts();
  #hasRequestEnded = false;
  #readable: (() => void) | undefined;
  #drained: (() => void) | undefined;
  #headersSent = false;
  #isBehind = false;
  #hasEnded = false;

  constructor(
    host: StreamHost,
    { streamId, fields }: { readonly streamId: number; readonly fields: readonly HeaderField[] },
  ) {
    this.#host = host;
    this.#streamId = streamId;
    const { pseudo, headers } = collectFields(fields);
    this.method = pseudo[":method"] ?? "";
    this.url = pseudo[":path"] ?? "";
    this.headers = headers;
  }

  get peer(): string {
    return this.#host.peer;
  }

  get peerIdentity(): PeerIdentity | undefined {
    return this.#host.peerIdentity;
  }

  get body(): AsyncIterable<Uint8Array> {
    return this.#readBody();
  }

  get signal(): AbortSignal {
    this.#over ??= new AbortController();
    if (this.#hasEnded && !this.#over.signal.aborted) this.#over.abort(requestIsOver());
    return this.#over.signal;
  }

  get headersSent(): boolean {
    return this.#headersSent;
  }

  get writableEnded(): boolean {
    return this.#hasEnded;
  }

  get writableNeedDrain(): boolean {
    return this.#isBehind && !this.#hasEnded;
  }

  onData(bytes: Uint8Array): void {
    this.#unread.push(bytes);
    this.#readable?.();
  }

  end(part?: Uint8Array): void {
    if (this.#hasEnded) return;
    const { connection } = this.#host;
    const isEmpty = part === undefined || part.length === 0 || !this.#mayHaveContent;
    if (!this.#headersSent) {
      this.#sendHeaders({ endStream: isEmpty });
      if (isEmpty) return this.#finish();
    }
    if (isEmpty) connection.end(this.#streamId);
    else connection.sendAndEnd(this.#streamId, part);
    this.#finish();
  }

  onEnd(): void {
    this.#hasRequestEnded = true;
    this.#readable?.();
  }

  onWritable(): void {
    this.#isBehind = false;
    this.#drained?.();
  }

  /** Whoever handles requests knows which of them may go on for ever. */
  onShutdown(): void {}

  onCancel(_error: RpcError): void {
    if (!this.#hasEnded) this.#finish();
  }

  setHeader(name: string, value: string | readonly string[]): void {
    const values = typeof value === "string" ? [value] : value;
    const { fault } = checkTrailerFields(values.map((one) => ({ name, value: one })));
    if (fault !== undefined) throw new TypeError(`Cannot set the header "${name}": ${fault}`);
    this.#responseHeaders.set(name, values);
  }

  hasHeader(name: string): boolean {
    return this.#responseHeaders.has(name);
  }

  flushHeaders(): void {
    if (!this.#headersSent && !this.#hasEnded) this.#sendHeaders({ endStream: false });
  }

  write(part: Uint8Array): boolean {
    if (this.#hasEnded) return true;
    this.flushHeaders();
    if (!this.#mayHaveContent) return true;
    this.#isBehind = !this.#host.connection.send(this.#streamId, part);
    this.#host.wake();
    return !this.#isBehind;
  }

  drained(): Promise<void> {
    if (!this.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      this.#drained = resolve;
    });
  }

  destroy(): void {
    if (this.#hasEnded) return;
    this.#host.connection.reset(this.#streamId, ErrorCode.internalError);
    this.#finish();
  }

  /** RFC 9110 §6.4.1 */
  get #mayHaveContent(): boolean {
    return this.method !== "HEAD" && this.statusCode !== 204 && this.statusCode !== 304;
  }

  #sendHeaders({ endStream }: { readonly endStream: boolean }): void {
    this.#headersSent = true;
    const fields: HeaderField[] = [{ name: ":status", value: String(this.statusCode) }];
    for (const [name, values] of this.#responseHeaders) {
      for (const value of values) {
        fields.push(
          REPEATED.has(name) ? { name, value, indexing: "incremental" } : { name, value },
        );
      }
    }
    if (!this.#responseHeaders.has("date")) {
      const value = new Date(this.#host.clock.wallMs()).toUTCString();
      fields.push({ name: "date", value });
    }
    this.#host.connection.respond(this.#streamId, fields, { endStream });
    this.#host.wake();
  }

  #finish(): void {
    this.#hasEnded = true;
    this.#unread.clear();
    this.#host.ended(this.#streamId);
    this.#host.wake();
    this.#over?.abort(requestIsOver());
    this.#readable?.();
    this.#drained?.();
  }

  async *#readBody(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const part = this.#unread.shift();
      if (part !== undefined) {
        this.#host.connection.consume(this.#streamId, part.length);
        this.#host.wake();
        yield part;
      } else if (this.#hasRequestEnded) {
        return;
      } else if (this.#hasEnded) {
        throw new Error("the connection was closed");
      } else {
        await new Promise<void>((resolve) => {
          this.#readable = resolve;
        });
      }
    }
  }
}

function requestIsOver(): Error {
  return new Error("the request is over");
}

function collectFields(fields: readonly HeaderField[]): {
  readonly pseudo: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
} {
  const pseudo: Record<string, string> = {};
  // Names come from the client.
  const headers = Object.create(null) as Record<string, string>; // An object of strings.
  for (const { name, value } of fields) {
    if (name.startsWith(":")) {
      pseudo[name] = value;
      continue;
    }
    const before = headers[name];
    // RFC 9113 §8.2.3 for cookies, RFC 9110 §5.3 for the rest.
    const separator = name === "cookie" ? "; " : ", ";
    headers[name] = before === undefined ? value : `${before}${separator}${value}`;
  }
  if (pseudo[":authority"] !== undefined) headers["host"] ??= pseudo[":authority"];
  return { pseudo, headers };
}
