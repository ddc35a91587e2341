/**
 * OpenAPI v3 of one group version, from the schema: enough for kubectl's apply, diff and explain.
 * Types carry Kubernetes' extensions; operations the query parameters that kubectl looks for.
 */
import type { FieldFacts, Schema, TypeFacts, TypeRef } from "../schema/schema.js";
import type { ServedResource } from "../schema/served.js";

type Document = Record<string, unknown>;

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
  const schemas: Document = {};
  for (const resource of resources) {
    const name = schema.typeNameOf(resource);
    if (name !== undefined) addType(schema, schemas, name);
  }
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

function addType(schema: Schema, schemas: Document, name: string): void {
  if (schemas[name] !== undefined) return;
  const facts = schema.typeOf(name);
  if (!facts) return;
  schemas[name] = {}; // Types refer to themselves: the place is taken before going on.
  schemas[name] = typeDocument(schema, schemas, facts);
}

function typeDocument(schema: Schema, schemas: Document, facts: TypeFacts): Document {
  if (!facts.fields) {
    if (facts.format === "int-or-string") {
      return { format: "int-or-string", oneOf: [{ type: "integer" }, { type: "string" }] };
    }
    if (facts.type === "any") return {};
    return { type: facts.type, ...(facts.format ? { format: facts.format } : {}) };
  }
  const fields = Object.entries(facts.fields);
  const required = fields.filter(([, field]) => field.required).map(([field]) => field);
  return {
    type: "object",
    properties: Object.fromEntries(
      fields.map(([field, one]) => [field, fieldDocument(schema, schemas, one)]),
    ),
    ...(required.length > 0 ? { required } : {}),
    ...(facts.gvk
      ? {
          "x-kubernetes-group-version-kind": facts.gvk.map(([group, version, kind]) => ({
            group,
            version,
            kind,
          })),
        }
      : {}),
    ...(facts.mapType ? { "x-kubernetes-map-type": facts.mapType } : {}),
  };
}

function fieldDocument(schema: Schema, schemas: Document, field: FieldFacts): Document {
  return {
    ...refDocument(schema, schemas, field.type),
    ...(field.listType ? { "x-kubernetes-list-type": field.listType } : {}),
    ...(field.listMapKeys ? { "x-kubernetes-list-map-keys": field.listMapKeys } : {}),
    ...(field.mapType ? { "x-kubernetes-map-type": field.mapType } : {}),
    ...(field.patchStrategy ? { "x-kubernetes-patch-strategy": field.patchStrategy } : {}),
    ...(field.patchMergeKey ? { "x-kubernetes-patch-merge-key": field.patchMergeKey } : {}),
  };
}

function refDocument(schema: Schema, schemas: Document, type: TypeRef): Document {
  if (typeof type !== "string") {
    return isListType(type)
      ? { type: "array", items: refDocument(schema, schemas, type[0]) }
      : { type: "object", additionalProperties: refDocument(schema, schemas, type["*"]) };
  }
  if (schema.typeOf(type)) {
    addType(schema, schemas, type);
    return { allOf: [{ $ref: `#/components/schemas/${type}` }], default: {} };
  }
  const [kind, format] = type.split(":");
  return { type: kind, ...(format ? { format } : {}) };
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

function isListType(type: TypeRef): type is readonly [TypeRef] {
  return Array.isArray(type);
}
