/**
 * OpenAPI v2 of all that is served. Clients come to it where version 3 knows no answer: kubectl
 * asks it about kinds that are not served, to say then that there are none.
 */
import type { Schema } from "../schema/schema.js";
import type { ServedResource } from "../schema/served.js";
import { groupVersionPath } from "./openapi-v3.js";
import { type Document, referenceTo, typeDocuments } from "./type-documents.js";

export function openApiV2(schema: Schema, resources: readonly ServedResource[]): Document {
  return {
    swagger: "2.0",
    info: { title: "Kubernetes", version: `v${schema.facts.kubernetes}` },
    paths: Object.fromEntries(resources.flatMap((resource) => pathsOf(schema, resource))),
    definitions: typeDocuments(schema, resources, "v2"),
  };
}

const MEDIA = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];
const QUERY = ["pretty", "dryRun", "fieldManager", "fieldValidation"].map((name) =>
  parameter(name, "query"),
);

function parameter(name: string, where: "query" | "path"): Document {
  const required = where === "path" ? { required: true } : {};
  return { name, in: where, type: "string", uniqueItems: true, ...required };
}

function pathsOf(schema: Schema, resource: ServedResource): [string, Document][] {
  const { group, version, kind, namespaced } = resource;
  const reference = referenceTo(schema.typeNameOf(resource) ?? "", "v2");
  const body = { name: "body", in: "body", required: true, schema: reference };
  const operation = (action: string): Document => ({
    consumes: action === "patch" ? PATCHES : ["*/*"],
    produces: MEDIA,
    parameters:
      action === "get" || action === "list" || action === "delete" ? [] : [body, ...QUERY],
    responses: { "200": { description: "OK", schema: reference } },
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": { group, version, kind },
  });
  const places = namespaced ? [parameter("namespace", "path")] : [];
  const root = `/${groupVersionPath(resource)}`;
  const base = `${root}${namespaced ? "/namespaces/{namespace}" : ""}/${resource.resource}`;
  const many = { get: operation("list"), post: operation("post"), parameters: places };
  const one = {
    get: operation("get"),
    put: operation("put"),
    patch: operation("patch"),
    delete: operation("delete"),
    parameters: [parameter("name", "path"), ...places],
  };
  return [
    [base, many],
    [`${base}/{name}`, one],
  ];
}

const PATCHES = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
];
