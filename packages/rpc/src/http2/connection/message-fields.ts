/**
 * Whether a header or trailer section makes a well-formed message (RFC 9113 §8.1.1, §8.2, §8.3).
 * A malformed one is an error of its stream.
 */
import type { HeaderField } from "../hpack/header-field.js";

/** A token (RFC 9110 §5.6.2) without upper case, after a colon perhaps (RFC 9113 §8.2.1). */
const FIELD_NAME = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/;
// oxlint-disable-next-line no-control-regex -- §8.2.1 forbids these
const FORBIDDEN_IN_VALUE = /[\0\n\r]|^[ \t]|[ \t]$|[^\0-\xff]/;
/** §8.2.2 */
const CONNECTION_SPECIFIC: ReadonlySet<string> = new Set([
  "connection",
  "proxy-connection",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
]);
/** §8.3.1 */
const REQUEST_PSEUDO_FIELDS: ReadonlySet<string> = new Set([
  ":method",
  ":scheme",
  ":authority",
  ":path",
]);
const STATUS = /^[1-9]\d\d$/;
const DIGITS = /^\d{1,15}$/;

export interface MessageCheck {
  /** Why the section is malformed; undefined where it is not. */
  readonly fault?: string;
  readonly contentLength?: number;
}

/** Checks a request's header section. */
export function checkRequestFields(fields: readonly HeaderField[]): MessageCheck {
  const pseudo = new Map<string, string>();
  let contentLength: number | undefined;
  let host: string | undefined;
  let isRegular = false;
  for (const field of fields) {
    const { name, value } = field;
    const fault = faultOfField(field);
    if (fault !== undefined) return { fault };
    if (name.startsWith(":")) {
      if (isRegular) return { fault: `the pseudo-header field ${name} after a regular field` };
      if (!REQUEST_PSEUDO_FIELDS.has(name)) return { fault: `${name} in a request` };
      if (pseudo.has(name)) return { fault: `${name} more than once` };
      pseudo.set(name, value);
      continue;
    }
    isRegular = true;
    if (name === "host") host = value;
    if (name !== "content-length") continue;
    const isKnown = contentLength !== undefined && contentLength !== Number(value);
    if (!DIGITS.test(value) || isKnown) return { fault: `the content-length "${value}"` };
    contentLength = Number(value);
  }
  const fault = faultOfTarget(pseudo, host);
  if (fault !== undefined) return { fault };
  return contentLength === undefined ? {} : { contentLength };
}

export interface ResponseCheck extends MessageCheck {
  /** 100 to 999; 0 where there is a fault. */
  readonly status: number;
}

/** Checks a response's header section (§8.3.2). */
export function checkResponseFields(fields: readonly HeaderField[]): ResponseCheck {
  let status: number | undefined;
  let contentLength: number | undefined;
  let isRegular = false;
  const faulty = (fault: string): ResponseCheck => ({ fault, status: 0 });
  for (const field of fields) {
    const { name, value } = field;
    const fault = faultOfField(field);
    if (fault !== undefined) return faulty(fault);
    if (name.startsWith(":")) {
      if (isRegular) return faulty(`the pseudo-header field ${name} after a regular field`);
      if (name !== ":status") return faulty(`${name} in a response`);
      if (status !== undefined) return faulty(":status more than once");
      // §8.6: HTTP/2 has no 101.
      if (!STATUS.test(value) || value === "101") return faulty(`:status "${value}"`);
      status = Number(value);
      continue;
    }
    isRegular = true;
    if (name !== "content-length") continue;
    const isKnown = contentLength !== undefined && contentLength !== Number(value);
    if (!DIGITS.test(value) || isKnown) return faulty(`the content-length "${value}"`);
    contentLength = Number(value);
  }
  if (status === undefined) return faulty("no :status");
  return contentLength === undefined ? { status } : { status, contentLength };
}

/** Checks a trailer section: fields as in a header section, but no pseudo-header field (§8.1). */
export function checkTrailerFields(fields: readonly HeaderField[]): MessageCheck {
  for (const field of fields) {
    const fault = faultOfField(field);
    if (fault !== undefined) return { fault };
    if (field.name.startsWith(":")) return { fault: `${field.name} in a trailer section` };
  }
  return {};
}

function faultOfField({ name, value }: HeaderField): string | undefined {
  if (!FIELD_NAME.test(name)) return `the field name ${JSON.stringify(name)}`;
  if (FORBIDDEN_IN_VALUE.test(value)) return `the value of the field ${name}`;
  if (CONNECTION_SPECIFIC.has(name)) return `the connection-specific field ${name}`;
  if (name === "te" && value !== "trailers") return `te "${value}", expected "trailers"`;
  return undefined;
}

/** §8.3.1, and §8.5 for CONNECT. */
function faultOfTarget(
  pseudo: ReadonlyMap<string, string>,
  host: string | undefined,
): string | undefined {
  const method = pseudo.get(":method");
  const path = pseudo.get(":path");
  const authority = pseudo.get(":authority");
  if (!method) return "no :method";
  if (method === "CONNECT") {
    const isWhole = authority !== undefined && path === undefined && !pseudo.has(":scheme");
    return isWhole ? undefined : "CONNECT with other than :authority";
  }
  if (!pseudo.get(":scheme")) return "no :scheme";
  if (!path) return "no :path";
  if (!path.startsWith("/") && !(path === "*" && method === "OPTIONS")) return `:path "${path}"`;
  if (host === undefined || authority === undefined) return undefined;
  if (host.toLowerCase() !== authority.toLowerCase()) {
    return `the host "${host}" beside the :authority "${authority}"`;
  }
  return undefined;
}
