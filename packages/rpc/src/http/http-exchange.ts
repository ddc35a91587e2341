/**
 * One HTTP request and its response, whatever version of HTTP carries them: what a handler is
 * given by node:http, node:http2 and our own HTTP/2 alike. Names are Node's where they mean the
 * same.
 */
import type { PeerIdentity } from "../handler.js";

export interface HttpRequest {
  readonly method: string;
  /** Path and query, as they came. */
  readonly url: string;
  /** By lower-case name; several of one name are joined by commas. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The client's address, for logs. */
  readonly peer: string;
  /** The verified client certificate's subject, where one was asked for and shown. */
  readonly peerIdentity: PeerIdentity | undefined;
  /**
   * The body in parts, taken from the client as fast as it is read; to be iterated once. Throws
   * where the client leaves, or the response ends, before the body has.
   */
  readonly body: AsyncIterable<Uint8Array>;
  /** Aborted when the exchange is over: answered in full, or left by either side. */
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  /** 200 where none is set. No effect once the headers are sent. */
  statusCode: number;
  readonly headersSent: boolean;
  /** `end` was called, or the exchange is over. */
  readonly writableEnded: boolean;
  /** The client has yet to take what was written: whoever writes more should wait. */
  readonly writableNeedDrain: boolean;
  /** `name` in lower case; several values become several fields. Throws `TypeError` on bad ones. */
  setHeader(name: string, value: string | readonly string[]): void;
  hasHeader(name: string): boolean;
  flushHeaders(): void;
  /** False where the writer should wait for `drained`. No effect once the exchange is over. */
  write(part: Uint8Array): boolean;
  /** Resolves when the client takes more, or the exchange is over. */
  drained(): Promise<void>;
  /**
   * Ends the response. A body that has not come in full is not waited for: the client is told by
   * HTTP/2 to stop, and by HTTP/1.1 is listened to for a while, as one that still sends would take
   * a closed connection for the answer.
   */
  end(part?: Uint8Array): void;
  /** Cuts the response off, so that no client takes it for a whole one. */
  destroy(): void;
}

/** Must not throw, and answers whenever it likes. */
export type HttpHandler = (request: HttpRequest, response: HttpResponse) => void;

/** Answers what nobody handles. */
export function notFound(_request: HttpRequest, response: HttpResponse): void {
  response.statusCode = 404;
  response.end();
}
