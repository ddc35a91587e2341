/**
 * What the header and trailer fields of a gRPC response say (gRPC over HTTP/2, "Responses"), and
 * what is made of a response that is none (gRPC, "HTTP to gRPC Status Code Mapping") or of a stream
 * that was reset ("Errors").
 */
import { decodeUtf8 } from "@sagong/base";
import { type Metadata, RpcError, StatusCode } from "../../status.js";
import { ErrorCode } from "../frames/error-code.js";
import type { HeaderField } from "../hpack/header-field.js";

export interface ResponseHead {
  /** Messages may be compressed so; the only encoding that we say we accept. */
  readonly isGzip: boolean;
  /** It is no gRPC response, or one that we cannot read. */
  readonly error: RpcError | undefined;
}

const CONTENT_TYPE = "application/grpc";
const STATUS = /^\d{1,2}$/;
const CODES: ReadonlySet<number> = new Set(Object.values(StatusCode));
/** Fields of the protocol itself, which are no metadata. */
const RESERVED: ReadonlySet<string> = new Set([
  "content-type",
  "content-length",
  "grpc-status",
  "grpc-message",
  "grpc-encoding",
  "grpc-accept-encoding",
]);

const HTTP_CODES: Readonly<Record<string, StatusCode>> = {
  400: StatusCode.internal,
  401: StatusCode.unauthenticated,
  403: StatusCode.permissionDenied,
  404: StatusCode.unimplemented,
  429: StatusCode.unavailable,
  502: StatusCode.unavailable,
  503: StatusCode.unavailable,
  504: StatusCode.unavailable,
};

const RESET_CODES: ReadonlyMap<number, StatusCode> = new Map<number, StatusCode>([
  [ErrorCode.refusedStream, StatusCode.unavailable],
  [ErrorCode.cancel, StatusCode.cancelled],
  [ErrorCode.enhanceYourCalm, StatusCode.resourceExhausted],
  [ErrorCode.inadequateSecurity, StatusCode.permissionDenied],
  [ErrorCode.streamClosed, StatusCode.unknown],
]);

/** The head of a response that goes on. */
export function parseResponseHead(fields: readonly HeaderField[]): ResponseHead {
  let [status, contentType, encoding] = ["", "", "identity"];
  for (const { name, value } of fields) {
    if (name === ":status") status = value;
    else if (name === "content-type") contentType = value;
    else if (name === "grpc-encoding") encoding = value;
  }
  const isGzip = encoding === "gzip";
  if (status !== "200" || !contentType.startsWith(CONTENT_TYPE)) {
    return { isGzip, error: notGrpc(status, contentType) };
  }
  if (isGzip || encoding === "identity") return { isGzip, error: undefined };
  const message = `Cannot read the response: its encoding is ${encoding}, expected identity or gzip`;
  return { isGzip, error: new RpcError(StatusCode.internal, message) };
}

/** How a call ended, by the last fields of its response; undefined where it ended well. */
export function parseResponseEnd(fields: readonly HeaderField[]): RpcError | undefined {
  let [status, message, http, contentType] = ["", "", "", ""];
  for (const { name, value } of fields) {
    if (name === "grpc-status") status = value;
    else if (name === "grpc-message") message = value;
    else if (name === ":status") http = value;
    else if (name === "content-type") contentType = value;
  }
  if (status === String(StatusCode.ok)) return undefined;
  const trailers = metadataOf(fields);
  const code = STATUS.test(status) ? Number(status) : -1;
  if (CODES.has(code)) {
    // A member of CODES, as tested.
    return new RpcError(code as StatusCode, percentDecode(message), { trailers });
  }
  if (status !== "") {
    const text = `The server ended the call with the unknown status ${status}: ${percentDecode(message)}`;
    return new RpcError(StatusCode.unknown, text, { trailers });
  }
  if (http !== "" && http !== "200") return notGrpc(http, contentType);
  return new RpcError(StatusCode.unknown, "The server ended the call without a status", {
    trailers,
  });
}

export function errorOfReset(errorCode: number): RpcError {
  const code = RESET_CODES.get(errorCode) ?? StatusCode.internal;
  const name = Object.entries(ErrorCode).find(([, value]) => value === errorCode)?.[0];
  return new RpcError(code, `The stream was reset with the error ${name ?? errorCode}`);
}

function notGrpc(status: string, contentType: string): RpcError {
  if (status === "200") {
    const text = `The server's answer is no gRPC: its content-type is "${contentType}"`;
    return new RpcError(StatusCode.unknown, text);
  }
  const code = HTTP_CODES[status] ?? StatusCode.unknown;
  return new RpcError(code, `The server answered with the HTTP status ${status}`);
}

/** Several fields of one name are joined by commas; base64 has its padding. */
function metadataOf(fields: readonly HeaderField[]): Metadata {
  // Without a prototype: a field may be named as something of Object's.
  const metadata: Record<string, string> = Object.create(null);
  for (const { name, value } of fields) {
    if (name.startsWith(":") || RESERVED.has(name)) continue;
    const text = name.endsWith("-bin") ? value.padEnd(Math.ceil(value.length / 4) * 4, "=") : value;
    const before = metadata[name];
    metadata[name] = before === undefined ? text : `${before},${text}`;
  }
  return metadata;
}

/** What is no `%XX` stands for itself: a message that is coded badly is better than none. */
export function percentDecode(text: string): string {
  if (!text.includes("%")) return text;
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const hex = text.charAt(i) === "%" ? text.slice(i + 1, i + 3) : "";
    if (/^[0-9a-fA-F]{2}$/.test(hex)) {
      bytes.push(Number.parseInt(hex, 16));
      i += 2;
    } else {
      bytes.push(text.charCodeAt(i));
    }
  }
  return decodeUtf8(Uint8Array.from(bytes));
}
