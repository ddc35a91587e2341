/**
 * Objects as they are kept. One resource may be served in two forms: Events of events.k8s.io/v1 are
 * kept as the core group's, so that each sees what was written through the other. Selectors,
 * validation and strategies work on the stored form.
 */
import { coreEventOf, eventsV1Of } from "../api/events/convert-event.js";
import type { Event as CoreEvent } from "../api/gen/core-v1.js";
import type { Event } from "../api/gen/events-v1.js";
import { apiVersionOf, type KubeObject, type Resource } from "../api/resource.js";

function isOtherForm({ group, resource }: Resource): boolean {
  return group === "events.k8s.io" && resource === "events";
}

/** The kind that a resource's objects are kept as. */
export function storedKind(resource: Resource): Pick<Resource, "group" | "version" | "kind"> {
  return isOtherForm(resource) ? { group: "", version: "v1", kind: "Event" } : resource;
}

/** Without kind and apiVersion: the key says them. */
export function toStored(resource: Resource, object: KubeObject): KubeObject {
  const { kind: _kind, apiVersion: _apiVersion, ...rest } = object;
  return isOtherForm(resource) ? coreEventOf(rest as Event) : rest; // An object of that resource.
}

/** As clients of the resource get it. */
export function fromStored(resource: Resource, object: KubeObject): KubeObject {
  const { kind: _kind, apiVersion: _apiVersion, ...rest } = object;
  return {
    kind: resource.kind,
    apiVersion: apiVersionOf(resource),
    ...(isOtherForm(resource) ? eventsV1Of(rest as CoreEvent) : rest), // As above.
  } as KubeObject; // With its kind, in the form of its resource.
}
