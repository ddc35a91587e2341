/** What a request's URL and method ask for. Pure. */
import { badRequest } from "../api/api-status.js";

export interface RequestInfo {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** A URL as it was sent: nothing is normalized, so that `..` stays the odd name that it is. */
export interface RequestUrl {
  readonly path: string;
  /** With its question mark; empty where there is none. */
  readonly search: string;
  readonly searchParams: URLSearchParams;
}

export function parseRequestUrl(text: string): RequestUrl {
  // Proxies may send the absolute form (RFC 9112 §3.2.2).
  const relative = text.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, "");
  const at = relative.indexOf("?");
  const [path, search] = at < 0 ? [relative, ""] : [relative.slice(0, at), relative.slice(at)];
  return { path: path || "/", search, searchParams: new URLSearchParams(search) };
}

/** As authorization, metrics and discovery name what is done. */
export type RequestVerb =
  | "get"
  | "list"
  | "watch"
  | "create"
  | "update"
  | "patch"
  | "delete"
  | "deletecollection";

/** Undefined where the path is none of a resource. Throws `ApiError` where it cannot be read. */
export function parseRequestPath(path: string): RequestInfo | undefined {
  const segments = path.split("/").filter((segment) => segment !== "");
  const isCore = segments[0] === "api";
  if (!isCore && segments[0] !== "apis") return undefined;
  const group = isCore ? "" : decoded(segments[1] ?? "");
  const version = segments[isCore ? 1 : 2];
  let rest = segments.slice(isCore ? 2 : 3).map(decoded);
  if (version === undefined || rest.length === 0) return undefined;
  let namespace: string | undefined;
  // /namespaces/NS/pods is a namespace's; /namespaces/NS and its subresources are the namespace.
  if (
    rest[0] === "namespaces" &&
    rest.length > 2 &&
    rest[2] !== "status" &&
    rest[2] !== "finalize"
  ) {
    namespace = segmentName("namespace", rest[1] ?? "");
    rest = rest.slice(2);
  }
  const [resource = "", name, ...sub] = rest;
  return {
    group,
    version: decoded(version),
    resource,
    namespace,
    name: name === undefined ? undefined : segmentName("resource", name),
    subresource: sub.length > 0 ? sub.join("/") : undefined,
  };
}

/** Undefined for methods that no resource has. */
export function requestVerb(
  method: string | undefined,
  { info, url }: { readonly info: RequestInfo; readonly url: RequestUrl },
): RequestVerb | undefined {
  switch (method) {
    case "GET":
    case "HEAD":
      if (info.subresource === undefined && isTrue(url.searchParams.get("watch"))) return "watch";
      return info.name === undefined ? "list" : "get";
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return info.name === undefined ? "deletecollection" : "delete";
    default:
      return undefined;
  }
}

/** As apimachinery reads booleans of a query: there, and neither "false" nor "0". */
export function isTrue(value: string | null): boolean {
  return value !== null && value.toLowerCase() !== "false" && value !== "0";
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw badRequest(`the path segment "${segment}" is not correctly percent-encoded`);
  }
}

/** A name with a slash would be another key of the store (apimachinery: IsValidPathSegmentName). */
function segmentName(what: "namespace" | "resource", name: string): string {
  const faults: string[] = [];
  if (name === "." || name === "..") faults.push(`may not be '${name}'`);
  for (const char of ["/", "%"]) if (name.includes(char)) faults.push(`may not contain '${char}'`);
  if (faults.length === 0) return name;
  throw badRequest(`invalid ${what} name "${name}": [${faults.join(", ")}]`);
}
