/**
 * Events, always in their stored (core) form. Those that come through events.k8s.io/v1 are held to
 * more than those of the core group, which old clients write (kubernetes: validation of events).
 */
import type { Event } from "../gen/core-v1.js";
import { qualifiedNameFault } from "../meta/names.js";
import { equalTrees } from "../patch/json-tree.js";
import type { Faults } from "./faults.js";

const MAX_REPORTING_INSTANCE = 128;
const MAX_ACTION = 128;
const MAX_REASON = 128;
const MAX_NOTE = 1_024;

/** What holds in both groups. */
export function validateCoreEvent(event: Event, faults: Faults): void {
  const { namespace = "" } = event.metadata;
  const about = event.involvedObject.namespace ?? "";
  const mismatch = (): void =>
    faults.invalid("involvedObject.namespace", about, "does not match event.namespace");
  if (event.eventTime === undefined) {
    // Events about things without a namespace stand in "default".
    if (about === "" ? namespace !== "" && namespace !== "default" : namespace !== about)
      mismatch();
    return;
  }
  if (about === "" && namespace !== "default" && namespace !== "kube-system") mismatch();
  const { reportingComponent = "", reportingInstance = "", action = "", reason = "" } = event;
  if (reportingComponent === "") faults.required("reportingController");
  const fault = qualifiedNameFault(reportingComponent);
  if (fault !== undefined) faults.invalid("reportingController", reportingComponent, fault);
  if (reportingInstance === "") faults.required("reportingInstance");
  atMost(faults, "reportingInstance", reportingInstance, MAX_REPORTING_INSTANCE);
  if (action === "") faults.required("action");
  atMost(faults, "action", action, MAX_ACTION);
  if (reason === "") faults.required("reason");
  atMost(faults, "reason", reason, MAX_REASON);
  atMost(faults, "message", event.message ?? "", MAX_NOTE);
}

/** What events.k8s.io/v1 wants besides, of a new event. */
export function validateNewEvent(event: Event, faults: Faults): void {
  validateCoreEvent(event, faults);
  validateSeries(event, faults);
  if (event.eventTime === undefined) faults.required("eventTime");
  if (event.type !== "Normal" && event.type !== "Warning")
    faults.invalid("type", "", `has invalid value: ${event.type ?? ""}`);
  for (const field of ["firstTimestamp", "lastTimestamp", "count"] as const) {
    if (event[field]) faults.invalid(field, "", "needs to be unset");
  }
  if (event.source?.component || event.source?.host)
    faults.invalid("source", "", "needs to be unset");
}

const IMMUTABLE = [
  ["involvedObject", "involvedObject"],
  ["reason", "reason"],
  ["message", "message"],
  ["source", "source"],
  ["firstTimestamp", "firstTimestamp"],
  ["lastTimestamp", "lastTimestamp"],
  ["count", "count"],
  ["type", "type"],
  ["eventTime", "eventTime"],
  ["action", "action"],
  ["related", "related"],
  ["reportingComponent", "reportingController"],
  ["reportingInstance", "reportingInstance"],
] as const;

/** What an update through events.k8s.io/v1 may change: the series. */
export function validateEventUpdate(now: Event, before: Event, faults: Faults): void {
  validateCoreEvent(now, faults);
  if (!equalTrees(now.series, before.series)) validateSeries(now, faults);
  for (const [field, name] of IMMUTABLE) {
    if (!equalTrees(now[field], before[field]))
      faults.invalid(name, now[field] ?? "", "field is immutable");
  }
}

function validateSeries({ series }: Event, faults: Faults): void {
  if (!series) return;
  if ((series.count ?? 0) < 2) faults.invalid("series.count", "", "should be at least 2");
  if (series.lastObservedTime === undefined) faults.required("series.lastObservedTime");
}

function atMost(faults: Faults, field: string, value: string, max: number): void {
  if (value.length > max) faults.invalid(field, "", `can have at most ${max} characters`);
}
