/** What both HTTP/1.1 and HTTP/2 requests are here, what handlers need, and how an answer is sent. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { gzipSync } from "node:zlib";
import type { Clock, Logger } from "@sagong/base";
import type { Schema } from "../api/schema/schema.js";
import type { KeyPair } from "../pki/pki.js";
import type { Registry } from "../registry/registry.js";

export interface ApiServerDependencies {
  readonly registry: Registry;
  readonly schema: Schema;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether the store answers. */
  readonly isStoreReady: () => Promise<boolean>;
  /** Client certificate for the node agents' servers. */
  readonly nodeClient: KeyPair & { readonly ca: string };
}

export type Request = IncomingMessage | Http2ServerRequest;
export type Response = ServerResponse | Http2ServerResponse;

const GZIP_FROM_BYTES = 128 * 1024;

/** Sends a whole body, gzipped where it is large and the client takes that. */
export function sendText(
  response: Response,
  {
    code,
    body,
    request,
  }: { readonly code: number; readonly body: string; readonly request?: Request },
): void {
  if (!response.hasHeader("content-type")) response.setHeader("content-type", "application/json");
  const gzip =
    body.length > GZIP_FROM_BYTES &&
    /\bgzip\b/.test(String(request?.headers["accept-encoding"] ?? ""));
  const bytes = gzip ? gzipSync(body, { level: 1 }) : Buffer.from(body);
  if (gzip) response.setHeader("content-encoding", "gzip");
  response.setHeader("content-length", bytes.length);
  response.statusCode = code;
  // Both kinds of response have this form of end().
  (response as ServerResponse).end(bytes);
}
