/**
 * The schema's types as OpenAPI says them, in the words of version 2 or 3, with Kubernetes'
 * extensions: which kind a type is, and how its lists and maps are merged.
 */
import type { FieldFacts, Schema, TypeFacts, TypeRef } from "../schema/schema.js";

export type Document = Record<string, unknown>;

export type Dialect = "v2" | "v3";

/** By full name: the types of `kinds`, and all that they refer to. */
export function typeDocuments(
  schema: Schema,
  kinds: readonly { readonly group: string; readonly version: string; readonly kind: string }[],
  dialect: Dialect,
): Document {
  const documents: Document = {};
  const collector = { schema, documents, dialect };
  for (const kind of kinds) {
    const name = schema.typeNameOf(kind);
    if (name !== undefined) addType(collector, name);
  }
  return documents;
}

/** `{ $ref }` to a type that has been collected. */
export function referenceTo(name: string, dialect: Dialect): Document {
  return { $ref: `#/${dialect === "v2" ? "definitions" : "components/schemas"}/${name}` };
}

interface Collector {
  readonly schema: Schema;
  readonly documents: Document;
  readonly dialect: Dialect;
}

function addType(collector: Collector, name: string): void {
  const { schema, documents } = collector;
  if (documents[name] !== undefined) return;
  const facts = schema.typeOf(name);
  if (!facts) return;
  documents[name] = {}; // Types refer to themselves: the place is taken before going on.
  documents[name] = typeDocument(collector, facts);
}

function typeDocument(collector: Collector, facts: TypeFacts): Document {
  if (!facts.fields) return scalarDocument(collector, facts);
  const fields = Object.entries(facts.fields);
  const required = fields.filter(([, field]) => field.required).map(([field]) => field);
  return {
    type: "object",
    properties: Object.fromEntries(
      fields.map(([field, one]) => [field, fieldDocument(collector, one)]),
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

function scalarDocument({ dialect }: Collector, { type, format }: TypeFacts): Document {
  if (format === "int-or-string") {
    return dialect === "v2"
      ? { type: "string", format }
      : { format, oneOf: [{ type: "integer" }, { type: "string" }] };
  }
  if (type === "any") return {};
  return { type, ...(format ? { format } : {}) };
}

function fieldDocument(collector: Collector, field: FieldFacts): Document {
  return {
    ...refDocument(collector, field.type),
    ...(field.listType ? { "x-kubernetes-list-type": field.listType } : {}),
    ...(field.listMapKeys ? { "x-kubernetes-list-map-keys": field.listMapKeys } : {}),
    ...(field.mapType ? { "x-kubernetes-map-type": field.mapType } : {}),
    ...(field.patchStrategy ? { "x-kubernetes-patch-strategy": field.patchStrategy } : {}),
    ...(field.patchMergeKey ? { "x-kubernetes-patch-merge-key": field.patchMergeKey } : {}),
  };
}

function refDocument(collector: Collector, type: TypeRef): Document {
  if (typeof type !== "string") {
    return isListType(type)
      ? { type: "array", items: refDocument(collector, type[0]) }
      : { type: "object", additionalProperties: refDocument(collector, type["*"]) };
  }
  const { schema, dialect } = collector;
  if (schema.typeOf(type)) {
    addType(collector, type);
    const reference = referenceTo(type, dialect);
    // Version 2 has nothing beside a reference.
    return dialect === "v2" ? reference : { allOf: [reference], default: {} };
  }
  const [kind, format] = type.split(":");
  return { type: kind, ...(format ? { format } : {}) };
}

function isListType(type: TypeRef): type is readonly [TypeRef] {
  return Array.isArray(type);
}
