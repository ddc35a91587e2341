/** What handlers need, and how an answer is sent. */
import { gzipSync } from "node:zlib";
import type { Clock, Logger } from "@sagong/base";
import type { HttpRequest, HttpResponse } from "@sagong/rpc";
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

const GZIP_FROM_BYTES = 128 * 1024;

/**
 * Sends a whole body, gzipped where it is large and the client takes that. Nothing happens where an
 * answer has been given before: the request's deadline may be faster than its handler.
 */
export function sendText(
  response: HttpResponse,
  {
    code,
    body,
    request,
  }: { readonly code: number; readonly body: string | Uint8Array; readonly request?: HttpRequest },
): void {
  if (response.headersSent) return;
  if (!response.hasHeader("content-type")) response.setHeader("content-type", "application/json");
  const gzip =
    body.length > GZIP_FROM_BYTES && /\bgzip\b/.test(request?.headers["accept-encoding"] ?? "");
  const bytes = gzip ? gzipSync(body, { level: 1 }) : Buffer.from(body);
  if (gzip) response.setHeader("content-encoding", "gzip");
  response.setHeader("content-length", String(bytes.length));
  response.statusCode = code;
  response.end(bytes);
}

/** All warnings of one answer together, and each of them once they are more (apiserver's limits). */
const MAX_WARNINGS_CHARACTERS = 4_096;
const MAX_WARNING_CHARACTERS = 256;

/** `Warning: 299 - "…"`, one a text; what does not fit is left out, as kube-apiserver does. */
export function sendWarnings(response: HttpResponse, texts: readonly string[]): void {
  if (texts.length === 0 || response.headersSent) return;
  const total = texts.reduce((sum, text) => sum + text.length, 0);
  const values: string[] = [];
  let characters = 0;
  for (const text of texts) {
    const short = total > MAX_WARNINGS_CHARACTERS ? text.slice(0, MAX_WARNING_CHARACTERS) : text;
    characters += short.length;
    if (characters > MAX_WARNINGS_CHARACTERS) break;
    // Header values are bytes: UTF-8 goes into them as such.
    values.push(Buffer.from(`299 - ${JSON.stringify(short)}`, "utf8").toString("latin1"));
  }
  response.setHeader("warning", values);
}
