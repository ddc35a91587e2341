/**
 * The URLs of flags: `http://host:port` and nothing else. The refusals are worded as etcd's. TLS
 * and unix sockets are named as not there yet rather than as malformed.
 */
export interface StoreUrl {
  /** As given, without a trailing slash. */
  readonly text: string;
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
}

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: string };

const PORT_MAX = 65_535;

export function parseStoreUrl(text: string): Parsed<StoreUrl> {
  const match = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\/([^/?#]*)([^]*)$/.exec(text.trim());
  const scheme = match?.[1]?.toLowerCase();
  if (!match || !["http", "https", "unix", "unixs"].includes(scheme ?? "")) {
    return refuse(`URL scheme must be http, https, unix, or unixs: ${text}`);
  }
  if (scheme !== "http") {
    return refuse(`URL scheme ${scheme} is not supported yet, expected http: ${text}`);
  }
  const rest = match[3] ?? "";
  if (rest !== "" && rest !== "/") return refuse(`URL must not contain a path: ${text}`);
  const address = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]@\s]+)):(\d+)$/.exec(match[2] ?? "");
  const host = address?.[1] ?? address?.[2];
  if (!address || host === undefined) {
    return refuse(`URL address does not have the form "host:port": ${text}`);
  }
  const port = Number(address[3]);
  if (port > PORT_MAX) {
    return refuse(`URL port is ${port}, expected 0 to ${PORT_MAX}: ${text}`);
  }
  return { ok: true, value: { text: `http://${match[2]}`, host, port } };
}

/** A comma-separated list; at least one. */
export function parseStoreUrls(text: string): Parsed<readonly StoreUrl[]> {
  const urls: StoreUrl[] = [];
  for (const part of text.split(",")) {
    const parsed = parseStoreUrl(part);
    if (!parsed.ok) return parsed;
    urls.push(parsed.value);
  }
  return { ok: true, value: urls };
}

/** A URL to listen on: an address of this machine, not a name that could mean any (as etcd). */
export function isBindable(url: StoreUrl): boolean {
  return url.host === "localhost" || url.host.includes(":") || /^\d+(\.\d+){3}$/.test(url.host);
}

function refuse(error: string): { readonly ok: false; readonly error: string } {
  return { ok: false, error };
}
