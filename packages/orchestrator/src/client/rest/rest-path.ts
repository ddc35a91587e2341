/** URLs of the Kubernetes API, as data: built here, sent elsewhere. */
import type { Resource } from "../../api/resource.js";

export interface ResourcePath {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

/** `/api/v1/namespaces/NS/pods/NAME/log`, `/apis/apps/v1/deployments`, … */
export function resourcePath(
  resource: Pick<Resource, "group" | "version" | "resource" | "namespaced">,
  place: ResourcePath = {},
): string {
  const segments = resource.group === "" ? ["api"] : ["apis", resource.group];
  segments.push(resource.version);
  if (resource.namespaced && place.namespace !== undefined && place.namespace !== "") {
    segments.push("namespaces", place.namespace);
  }
  segments.push(resource.resource);
  if (place.name !== undefined) segments.push(place.name);
  if (place.subresource !== undefined) segments.push(...place.subresource.split("/"));
  return `/${segments.map(encodeURIComponent).join("/")}`;
}

export type QueryValue = string | number | boolean | undefined;

/** `?a=1&b=true`, without what is undefined; empty where nothing is left. */
export function queryText(values: Readonly<Record<string, QueryValue>>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== "") parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}
