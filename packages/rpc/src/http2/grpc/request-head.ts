/** What a gRPC request's header fields say (gRPC over HTTP/2, "Requests"). */
import type { HeaderField } from "../hpack/header-field.js";
import type { Metadata } from "../../status.js";

export interface RequestHead {
  readonly path: string;
  /** How long the caller waits, where it says so. */
  readonly timeoutMs: number | undefined;
  /** How compressed messages of the request are; `identity` where none are. */
  readonly encoding: string;
  /** Whether messages of the answer may be compressed by gzip. */
  readonly acceptsGzip: boolean;
}

/** No gRPC at all: the HTTP status to answer with. */
export interface NotGrpc {
  readonly httpStatus: "405" | "415";
}

/** What messages may be encoded by (gRPC over HTTP/2, "Message-Encoding"). */
export const IDENTITY = "identity";
export const GZIP = "gzip";

const CONTENT_TYPE = "application/grpc";
const TIMEOUT = /^(\d{1,8})([HMSmun])$/;
const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};
/** Fields of the protocol itself, which are no metadata. */
const RESERVED: ReadonlySet<string> = new Set(["content-type", "te", "host", "content-length"]);

/** A `grpc-timeout` that is malformed counts as none: the caller keeps its own time. */
export function parseRequestHead(fields: readonly HeaderField[]): RequestHead | NotGrpc {
  let [method, path, contentType, timeout] = ["", "", "", ""];
  let [encoding, accepted] = [IDENTITY, ""];
  for (const { name, value } of fields) {
    if (name === ":method") method = value;
    else if (name === ":path") path = value;
    else if (name === "content-type") contentType = value;
    else if (name === "grpc-timeout") timeout = value;
    else if (name === "grpc-encoding") encoding = value;
    else if (name === "grpc-accept-encoding") accepted = value;
  }
  if (method !== "POST") return { httpStatus: "405" };
  if (!isGrpc(contentType)) return { httpStatus: "415" };
  return {
    path,
    timeoutMs: timeout === "" ? undefined : parseTimeout(timeout),
    encoding,
    acceptsGzip: accepted.split(",").some((one) => one.trim() === GZIP),
  };
}

/** The caller's own fields; several of one name are joined by commas. */
export function metadataOf(fields: readonly HeaderField[]): Metadata {
  // Without a prototype: a field may be named as something of Object's.
  const metadata: Record<string, string> = Object.create(null);
  for (const { name, value } of fields) {
    if (name.startsWith(":") || name.startsWith("grpc-") || RESERVED.has(name)) continue;
    const text = name.endsWith("-bin") ? padded(value) : value;
    const before = metadata[name];
    metadata[name] = before === undefined ? text : `${before},${text}`;
  }
  return metadata;
}

/** Milliseconds; undefined where `text` is no timeout. */
export function parseTimeout(text: string): number | undefined {
  const [, digits = "", unit = ""] = TIMEOUT.exec(text) ?? [];
  const unitMs = UNIT_MS[unit];
  return unitMs === undefined ? undefined : Number(digits) * unitMs;
}

/** `application/grpc`, alone or with `+proto` or parameters, but not `application/grpc-web`. */
function isGrpc(contentType: string): boolean {
  if (!contentType.startsWith(CONTENT_TYPE)) return false;
  const next = contentType.charAt(CONTENT_TYPE.length);
  return next === "" || next === "+" || next === ";";
}

/** Senders may leave base64's padding away. */
function padded(base64: string): string {
  return base64.padEnd(Math.ceil(base64.length / 4) * 4, "=");
}
