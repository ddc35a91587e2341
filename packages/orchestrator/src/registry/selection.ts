/** Which objects of a resource a list or watch is of, and the version it asks for. */
import { badRequest, qualifiedResource } from "../api/api-status.js";
import type { KubeObject } from "../api/resource.js";
import type { ServedResource } from "../api/schema/served.js";
import { parseFieldSelector } from "../api/selectors/field-selector.js";
import { parseLabelSelector } from "../api/selectors/label-selector.js";

export interface Selection {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

/** Throws `ApiError` BadRequest where a selector cannot be read. */
export function selection(
  resource: ServedResource,
  { namespace, labelSelector = "", fieldSelector = "" }: Selection,
): (object: KubeObject) => boolean {
  const labels = parseLabelSelector(labelSelector);
  const fields = parseFieldSelector(qualifiedResource(resource), fieldSelector);
  return (object) =>
    (namespace === undefined || object.metadata.namespace === namespace) &&
    labels(object.metadata.labels) &&
    fields(object);
}

/** 0: the latest, or anything. Throws `ApiError` BadRequest. */
export function versionOf(text: string | undefined): number {
  if (text === undefined || text === "" || text === "0") return 0;
  const version = Number(text);
  if (!Number.isSafeInteger(version) || version < 0) {
    throw badRequest(`resourceVersion: Invalid value: "${text}": expected a whole number`);
  }
  return version;
}
