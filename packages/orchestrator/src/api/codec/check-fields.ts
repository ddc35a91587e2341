/**
 * Holds a decoded JSON tree against its type: unknown and duplicate fields are named (strict
 * validation refuses them, Warn reports them), wrong types are refused with the text that Go's
 * decoder gives.
 */
import type { Schema, TypeFacts, TypeRef } from "../schema/schema.js";
import { isBase64 } from "./base64.js";
import type { Occurrences } from "./parse-json.js";

/** Deeper documents are refused: the walk recurses. */
const MAX_DEPTH = 200;

export interface FieldCheck {
  /** `unknown field "spec.replica"`, `duplicate field "spec.paused"`, … in document order. */
  readonly strictFaults: readonly string[];
  /** The tree without the unknown ones. */
  readonly value: unknown;
}

/** A value that its field cannot hold; whoever decodes says of which object. */
export class FieldTypeError extends Error {
  override readonly name: string = "FieldTypeError";
}

/** Throws `FieldTypeError`. */
export function checkFields(
  schema: Schema,
  typeName: string,
  { value, occurrences }: { readonly value: unknown; readonly occurrences?: Occurrences },
): FieldCheck {
  const strictFaults: string[] = [];
  const walker = new Walker(schema, { strictFaults, occurrences: occurrences ?? new Map() });
  return { value: walker.type(typeName, value, { path: "", owner: "" }), strictFaults };
}

interface Place {
  readonly path: string;
  /** The Go struct that the field stands in, for messages. */
  readonly owner: string;
}

class Walker {
  readonly #schema: Schema;
  readonly #strictFaults: string[];
  readonly #occurrences: Occurrences;
  #depth = 0;

  constructor(
    schema: Schema,
    { strictFaults, occurrences }: { strictFaults: string[]; readonly occurrences: Occurrences },
  ) {
    this.#schema = schema;
    this.#strictFaults = strictFaults;
    this.#occurrences = occurrences;
  }

  type(name: string, value: unknown, place: Place): unknown {
    const facts = this.#schema.typeOf(name);
    if (!facts) return this.#scalar(name, value, place);
    if (!facts.fields) return this.#opaque(facts, value, place);
    if (!isTree(value))
      throw mismatch(value, `struct`, { ...place, owner: place.owner || shortName(name) });
    if (++this.#depth > MAX_DEPTH)
      throw new FieldTypeError(`the body is nested more than ${MAX_DEPTH} deep`);
    const result: Record<string, unknown> = {};
    const seen = new Set<string>();
    for (const [key, inner] of this.#entries(value)) {
      const path = place.path === "" ? key : `${place.path}.${key}`;
      // A type's table is a plain object: it has no field that it does not own.
      const field = Object.hasOwn(facts.fields, key) ? facts.fields[key] : undefined;
      if (seen.has(key)) {
        // One that is unknown and there twice is only unknown.
        if (field) this.#strictFaults.push(`duplicate field "${path}"`);
      } else if (!field) this.#strictFaults.push(`unknown field "${path}"`);
      seen.add(key);
      if (field && inner !== null && inner !== undefined)
        result[key] = this.#ref(field.type, inner, { path, owner: shortName(name) });
    }
    this.#depth--;
    return result;
  }

  /** Of a key that is there twice, both. */
  #entries(value: Readonly<Record<string, unknown>>): Iterable<readonly [string, unknown]> {
    return this.#occurrences.get(value) ?? Object.entries(value);
  }

  #ref(type: TypeRef, value: unknown, place: Place): unknown {
    if (typeof type === "string") return this.type(type, value, place);
    if (isListType(type)) {
      if (!Array.isArray(value)) throw mismatch(value, "slice", place);
      return value.map((item, i) =>
        this.#ref(type[0], item, { ...place, path: `${place.path}[${i}]` }),
      );
    }
    if (!isTree(value)) throw mismatch(value, "map", place);
    const result = new Map<string, unknown>();
    for (const [key, item] of this.#entries(value)) {
      const path = `${place.path}.${key}`;
      if (key === "__proto__") throw new FieldTypeError(`the key "__proto__" is not accepted`);
      if (result.has(key)) this.#strictFaults.push(`duplicate field "${path}"`);
      result.set(key, this.#ref(type["*"], item, { ...place, path }));
    }
    return Object.fromEntries(result);
  }

  #scalar(name: string, value: unknown, place: Place): unknown {
    const [kind, format] = name.split(":");
    switch (kind) {
      case "string":
        if (typeof value !== "string")
          throw mismatch(value, format === "byte" ? "[]byte" : "string", place);
        if (format === "byte" && !isBase64(value)) {
          throw new FieldTypeError(`illegal base64 data in ${place.path}`);
        }
        return value;
      case "boolean":
        if (typeof value !== "boolean") throw mismatch(value, "bool", place);
        return value;
      case "integer":
        if (typeof value !== "number" || !Number.isInteger(value))
          throw mismatch(value, format ?? "int", place);
        if (format === "int32" && (value > 2147483647 || value < -2147483648)) {
          throw mismatch(value, "int32", place);
        }
        return value;
      case "number":
        if (typeof value !== "number") throw mismatch(value, "float64", place);
        return value;
      default:
        return value; // Kinds of types that hold anything.
    }
  }

  #opaque(facts: TypeFacts, value: unknown, place: Place): unknown {
    if (facts.format === "int-or-string") {
      if (typeof value === "string" || (typeof value === "number" && Number.isInteger(value)))
        return value;
      throw mismatch(value, "intstr.IntOrString", place);
    }
    if (facts.format === "date-time") {
      if (typeof value === "string" && !Number.isNaN(Date.parse(value))) return value;
      throw new FieldTypeError(
        `parsing time ${JSON.stringify(value)} in ${place.path}: expected RFC 3339, as 2006-01-02T15:04:05Z`,
      );
    }
    if (facts.type === "string") {
      // A quantity may be written as a number.
      if (typeof value === "number") return String(value);
      if (typeof value !== "string") throw mismatch(value, "string", place);
    }
    return value;
  }
}

function mismatch(value: unknown, wanted: string, { path, owner }: Place): Error {
  const got = Array.isArray(value) ? "array" : value === null ? "null" : typeof value;
  const kind = got === "boolean" ? "bool" : got;
  const shown = kind === "number" ? `number ${String(value)}` : kind;
  const field = path === "" ? owner : `${owner}.${path}`;
  return new FieldTypeError(
    `json: cannot unmarshal ${shown} into Go struct field ${field} of type ${wanted}`,
  );
}

function shortName(type: string): string {
  return type.slice(type.lastIndexOf(".") + 1);
}

function isTree(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isListType(type: TypeRef): type is readonly [TypeRef] {
  return Array.isArray(type);
}
