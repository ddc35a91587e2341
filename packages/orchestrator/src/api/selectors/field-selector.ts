/** Field selectors (`status.phase!=Running`), for the fields that each resource supports. */
import { badRequest } from "../api-status.js";
import type { KubeObject } from "../resource.js";

export type FieldMatcher = (object: KubeObject) => boolean;

const REFERENCE = [
  "kind",
  "namespace",
  "name",
  "uid",
  "apiVersion",
  "resourceVersion",
  "fieldPath",
] as const;

/** By `resource.group`; metadata.name and metadata.namespace are supported everywhere. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  pods: [
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
  ],
  events: [
    ...REFERENCE.map((field) => `involvedObject.${field}`),
    "reason",
    "reportingComponent",
    "source",
    "type",
  ],
  "events.events.k8s.io": [
    ...REFERENCE.map((field) => `regarding.${field}`),
    "reason",
    "reportingController",
    "source",
    "type",
  ],
  namespaces: ["status.phase"],
  nodes: ["spec.unschedulable"],
  secrets: ["type"],
  "replicasets.apps": ["status.replicas"],
};

/**
 * The matcher takes objects as they are stored. Throws `ApiError` BadRequest where the text is none
 * or names a field that is not supported.
 */
export function parseFieldSelector(resource: string, text: string): FieldMatcher {
  const requirements = text
    .split(",")
    .filter((part) => part.trim() !== "")
    .map((part) => parse(resource, part.trim()));
  return (object) =>
    requirements.every(({ paths, value, equal }) => {
      const found = paths.map((path) => read(object, path)).find((text) => text !== "") ?? "";
      return (found === value) === equal;
    });
}

interface Requirement {
  readonly paths: readonly (readonly string[])[];
  readonly value: string;
  readonly equal: boolean;
}

function parse(resource: string, part: string): Requirement {
  const match = /^([^=!]+)(!=|==|=)(.*)$/.exec(part);
  if (!match) throw badRequest(`invalid selector: '${part}'; can't understand '${part}'`);
  const [, field = "", operator, value = ""] = match;
  const known = ["metadata.name", "metadata.namespace", ...(FIELDS[resource] ?? [])];
  if (!known.includes(field)) throw badRequest(`field label not supported: ${field}`);
  return { paths: pathsOf(field), value, equal: operator !== "!=" };
}

/** Where a field's value is looked for in the stored form, the first that is not empty. */
function pathsOf(field: string): readonly (readonly string[])[] {
  // An event written through events.k8s.io has no source; its reporter stands in for it.
  if (field === "source") return [["source", "component"], ["reportingComponent"]];
  if (field === "reportingController") return [["reportingComponent"]];
  const [first = "", ...rest] = field.split(".");
  return [[first === "regarding" ? "involvedObject" : first, ...rest]];
}

function read(object: unknown, path: readonly string[]): string {
  let at: unknown = object;
  for (const step of path) {
    if (typeof at !== "object" || at === null) return "";
    at = (at as Readonly<Record<string, unknown>>)[step]; // Any object may be asked for a field.
  }
  if (at === undefined || at === null) return BOOLEANS.has(path.at(-1) ?? "") ? "false" : "";
  return typeof at === "string" ? at : JSON.stringify(at);
}

/** Fields that are false where they are absent. */
const BOOLEANS: ReadonlySet<string> = new Set(["unschedulable", "hostNetwork"]);
