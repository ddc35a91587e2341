/** What a URL of the Kubernetes API asks for. Pure. */

export interface RequestInfo {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** Undefined where the path is none of a resource. */
export function parseRequestPath(path: string): RequestInfo | undefined {
  const segments = path
    .split("/")
    .filter((segment) => segment !== "")
    .map(decodeURIComponent);
  const isCore = segments[0] === "api";
  if (!isCore && segments[0] !== "apis") return undefined;
  const group = isCore ? "" : (segments[1] ?? "");
  const version = segments[isCore ? 1 : 2];
  let rest = segments.slice(isCore ? 2 : 3);
  if (version === undefined || rest.length === 0) return undefined;
  let namespace: string | undefined;
  // /namespaces/NS/pods is a namespace's; /namespaces/NS and its subresources are the namespace.
  if (
    rest[0] === "namespaces" &&
    rest.length > 2 &&
    rest[2] !== "status" &&
    rest[2] !== "finalize"
  ) {
    namespace = rest[1];
    rest = rest.slice(2);
  }
  const [resource = "", name, ...sub] = rest;
  return {
    group,
    version,
    resource,
    namespace,
    name,
    subresource: sub.length > 0 ? sub.join("/") : undefined,
  };
}
