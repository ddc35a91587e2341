/** The header and trailer fields of gRPC answers (gRPC over HTTP/2, "Responses"). */
import { encodeUtf8 } from "@sagong/base";
import { checkTrailerFields } from "../connection/message-fields.js";
import { GZIP } from "./request-head.js";
import type { HeaderField } from "../hpack/header-field.js";
import { type RpcError, StatusCode } from "../../status.js";

/** Every answer that has messages begins with this. */
export const RESPONSE_HEAD: readonly HeaderField[] = [
  { name: ":status", value: "200" },
  { name: "content-type", value: "application/grpc", indexing: "incremental" },
];

/** The same where messages of the answer may be compressed. */
export const GZIP_RESPONSE_HEAD: readonly HeaderField[] = [
  ...RESPONSE_HEAD,
  { name: "grpc-encoding", value: GZIP, indexing: "incremental" },
];

export const OK_TRAILERS: readonly HeaderField[] = [
  { name: "grpc-status", value: String(StatusCode.ok), indexing: "incremental" },
];

/**
 * The trailers of a call that failed. Trailers of the error's own that are no fields make it an
 * internal one: sent as they stand, they would break the connection for all its calls.
 */
export function errorTrailers({ code, message, trailers }: RpcError): HeaderField[] {
  const own = Object.entries(trailers).map(([name, value]) => ({ name, value }));
  const { fault } = checkTrailerFields(own);
  if (fault === undefined) return [...statusFields(code, message), ...own];
  return statusFields(StatusCode.internal, `Cannot send the trailers of "${message}": ${fault}`);
}

function statusFields(code: StatusCode, message: string): HeaderField[] {
  return [
    { name: "grpc-status", value: String(code) },
    { name: "grpc-message", value: percentEncode(message) },
  ];
}

/** The whole answer of a call that failed before any message ("Trailers-Only"). */
export function trailersOnly(error: RpcError): HeaderField[] {
  return [...RESPONSE_HEAD, ...errorTrailers(error)];
}

/** UTF-8, with everything but printable ASCII, and the percent sign, as `%XX`. */
export function percentEncode(text: string): string {
  let encoded = "";
  for (const byte of encodeUtf8(text)) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += isPlain
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  // RFC 9113 §8.2.1: a field's value has no white space around it.
  return encoded.replace(/^ | $/g, "%20");
}
