/** Field selectors (`status.phase!=Running`), for the fields that each resource supports. */
import { badRequest } from "../api-status.js";
import type { KubeObject } from "../resource.js";

export type FieldMatcher = (object: KubeObject) => boolean;

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
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
  ],
  namespaces: ["status.phase"],
  nodes: ["spec.unschedulable"],
  secrets: ["type"],
  "replicasets.apps": ["status.replicas"],
};

/** Throws `ApiError` BadRequest where the text is none or names a field that is not supported. */
export function parseFieldSelector(resource: string, text: string): FieldMatcher {
  const requirements = text
    .split(",")
    .filter((part) => part.trim() !== "")
    .map((part) => parse(resource, part.trim()));
  return (object) =>
    requirements.every(({ path, value, equal }) => (read(object, path) === value) === equal);
}

interface Requirement {
  readonly path: readonly string[];
  readonly value: string;
  readonly equal: boolean;
}

function parse(resource: string, part: string): Requirement {
  const match = /^([^=!]+)(!=|==|=)(.*)$/.exec(part);
  if (!match) throw badRequest(`invalid selector: '${part}'; can't understand '${part}'`);
  const [, field = "", operator, value = ""] = match;
  const known = ["metadata.name", "metadata.namespace", ...(FIELDS[resource] ?? [])];
  if (!known.includes(field)) throw badRequest(`field label not supported: ${field}`);
  const path = field === "source" ? ["source", "component"] : field.split(".");
  return { path, value, equal: operator !== "!=" };
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
