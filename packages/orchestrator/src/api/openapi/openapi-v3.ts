/**
 * OpenAPI v3 of one group version, from the schema: enough for kubectl's apply, diff and explain.
 * Operations carry the query parameters that kubectl looks for.
 */
import type { Schema } from "../schema/schema.js";
import type { ServedResource } from "../schema/served.js";
import { type Document, typeDocuments } from "./type-documents.js";

/** `api/v1`, `apis/apps/v1`, …: the keys of the index. */
export function groupVersionPath(resource: {
  readonly group: string;
  readonly version: string;
}): string {
  return resource.group === ""
    ? `api/${resource.version}`
    : `apis/${resource.group}/${resource.version}`;
}

export function openApiV3(schema: Schema, resources: readonly ServedResource[]): Document {
  const [first] = resources;
  const schemas = typeDocuments(schema, resources, "v3");
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: `v${schema.facts.kubernetes}` },
    paths: Object.fromEntries(
      resources.flatMap((resource) =>
        pathsOf(schema, resource, first ? groupVersionPath(first) : ""),
      ),
    ),
    components: { schemas },
  };
}

const QUERY = ["pretty", "dryRun", "fieldManager", "fieldValidation"].map((name) => ({
  name,
  in: "query",
  schema: { type: "string", uniqueItems: true },
}));

function pathsOf(schema: Schema, resource: ServedResource, root: string): [string, Document][] {
  const type = schema.typeNameOf(resource);
  const kind = { group: resource.group, version: resource.version, kind: resource.kind };
  const content = Object.fromEntries(
    ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"].map((media) => [
      media,
      { schema: { $ref: `#/components/schemas/${type}` } },
    ]),
  );
  const operation = (action: string): Document => ({
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": kind,
    ...(action === "get" || action === "list" ? {} : { parameters: QUERY }),
    ...(action === "post" || action === "put" ? { requestBody: { content } } : {}),
    responses: { "200": { description: "OK", content } },
  });
  const base = `/${root}${resource.namespaced ? "/namespaces/{namespace}" : ""}/${resource.resource}`;
  return [
    [base, { get: operation("list"), post: operation("post") }],
    [
      `${base}/{name}`,
      {
        get: operation("get"),
        put: operation("put"),
        patch: operation("patch"),
        delete: operation("delete"),
      },
    ],
  ];
}
