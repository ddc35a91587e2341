/**
 * Events of events.k8s.io/v1 and of the core group are one resource with two forms. The core form
 * is the one that is stored; the other renames some of its fields (KEP-383).
 */
import type { Event as CoreEvent } from "../gen/core-v1.js";
import type { Event } from "../gen/events-v1.js";

/** Drops what is undefined: absent fields stay absent. */
function present<T extends object>(object: T): T {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as T; // The same fields, without those that held nothing.
}

export function coreEventOf(event: Event): CoreEvent {
  const {
    regarding,
    note,
    deprecatedSource,
    deprecatedFirstTimestamp,
    deprecatedLastTimestamp,
    deprecatedCount,
    reportingController,
    kind: _kind,
    apiVersion: _apiVersion,
    ...same
  } = event;
  return present({
    ...same,
    involvedObject: regarding ?? {},
    message: note,
    source: deprecatedSource,
    firstTimestamp: deprecatedFirstTimestamp,
    lastTimestamp: deprecatedLastTimestamp,
    count: deprecatedCount,
    reportingComponent: reportingController,
  });
}

/** An event that was written in the core form may have no eventTime: it is left out here too. */
export function eventsV1Of(event: CoreEvent): Omit<Event, "eventTime" | "series"> {
  const {
    involvedObject,
    message,
    source,
    firstTimestamp,
    lastTimestamp,
    count,
    reportingComponent,
    kind: _kind,
    apiVersion: _apiVersion,
    ...same
  } = event;
  return present({
    ...same,
    regarding: involvedObject,
    note: message,
    deprecatedSource: source,
    deprecatedFirstTimestamp: firstTimestamp,
    deprecatedLastTimestamp: lastTimestamp,
    deprecatedCount: count,
    reportingController: reportingComponent,
  });
}
