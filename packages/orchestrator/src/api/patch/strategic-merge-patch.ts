/**
 * Kubernetes' strategic merge patch: a merge patch in which lists are merged as the schema says, by
 * key or as sets, with the directives `$patch`, `$setElementOrder/x`, `$deleteFromPrimitiveList/x`
 * and `$retainKeys`.
 */
import { badRequest } from "../api-status.js";
import type { FieldFacts, Schema, TypeRef } from "../schema/schema.js";
import { isTree, type Tree } from "./json-tree.js";
import { mergePatch } from "./merge-patch.js";

const ORDER = "$setElementOrder/";
const DELETE_PRIMITIVES = "$deleteFromPrimitiveList/";

/** Throws `ApiError` BadRequest where a directive is not known or a merge key is missing. */
export function strategicMergePatch(
  schema: Schema,
  typeName: string,
  { document, patch }: { readonly document: unknown; readonly patch: unknown },
): unknown {
  return new Merger(schema).merge(typeName, document, patch);
}

class Merger {
  readonly #schema: Schema;

  constructor(schema: Schema) {
    this.#schema = schema;
  }

  merge(type: TypeRef | undefined, document: unknown, patch: unknown): unknown {
    if (!isTree(patch)) return patch;
    const fields = typeof type === "string" ? this.#schema.typeOf(type)?.fields : undefined;
    const directive = patch["$patch"];
    if (directive === "replace") return withoutDirectives(patch);
    if (directive === "delete") return {};
    if (directive !== undefined && directive !== "merge") {
      throw badRequest(`Unknown patch type: ${JSON.stringify(directive)}`);
    }
    if (!fields) {
      const item =
        typeof type === "object" && !Array.isArray(type) && "*" in type ? type["*"] : undefined;
      return typeof item === "string" && this.#schema.typeOf(item)?.fields
        ? this.#mergeMap(item, document, patch)
        : mergePatch(document, withoutDirectives(patch));
    }
    return this.#mergeFields(fields, document, patch);
  }

  #mergeMap(item: string, document: unknown, patch: Tree): Tree {
    const result: Record<string, unknown> = isTree(document) ? { ...document } : {};
    for (const [key, value] of Object.entries(patch)) {
      if (value === null) delete result[key];
      else result[key] = this.merge(item, result[key], value);
    }
    return result;
  }

  #mergeFields(fields: Readonly<Record<string, FieldFacts>>, document: unknown, patch: Tree): Tree {
    let result: Record<string, unknown> = isTree(document) ? { ...document } : {};
    const retained = patch["$retainKeys"];
    if (Array.isArray(retained)) {
      result = Object.fromEntries(Object.entries(result).filter(([key]) => retained.includes(key)));
    }
    for (const [key, value] of Object.entries(patch)) {
      if (key.startsWith("$")) continue;
      const facts = fields[key];
      if (value === null) delete result[key];
      else if (Array.isArray(value) && facts)
        result[key] = this.#mergeList(facts, result[key], value);
      else result[key] = this.merge(facts?.type, result[key], value);
    }
    for (const [key, value] of Object.entries(patch)) {
      if (key.startsWith(DELETE_PRIMITIVES) && Array.isArray(value)) {
        const field = key.slice(DELETE_PRIMITIVES.length);
        const list = result[field];
        if (Array.isArray(list)) result[field] = list.filter((item) => !value.includes(item));
      }
    }
    for (const [key, value] of Object.entries(patch)) {
      if (!key.startsWith(ORDER) || !Array.isArray(value)) continue;
      const field = key.slice(ORDER.length);
      const list = result[field];
      if (Array.isArray(list)) result[field] = reorder(list, value, fields[field]?.patchMergeKey);
    }
    return result;
  }

  #mergeList(facts: FieldFacts, document: unknown, patch: readonly unknown[]): unknown {
    const before: readonly unknown[] = Array.isArray(document) ? document : [];
    const merges = facts.patchStrategy?.split(",").includes("merge") ?? false;
    if (!merges) return patch.filter((item) => !isTree(item) || item["$patch"] === undefined);
    const mergeKey = facts.patchMergeKey;
    if (mergeKey === undefined) return [...new Set([...before, ...patch])];
    const itemType = Array.isArray(facts.type) ? (facts.type as readonly [TypeRef])[0] : undefined; // A list field.
    if (patch.some((item) => isTree(item) && item["$patch"] === "replace")) {
      return patch.filter((item) => !isTree(item) || item["$patch"] === undefined);
    }
    const result = [...before];
    for (const item of patch) {
      if (!isTree(item) || item[mergeKey] === undefined) {
        throw badRequest(
          `map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`,
        );
      }
      const at = result.findIndex((other) => isTree(other) && other[mergeKey] === item[mergeKey]);
      if (item["$patch"] === "delete") {
        if (at >= 0) result.splice(at, 1);
      } else if (at >= 0) result[at] = this.merge(itemType, result[at], item);
      else result.push(this.merge(itemType, undefined, item));
    }
    return result;
  }
}

/** Items that the order names come in that order; the others keep their places relative to it. */
function reorder(
  list: readonly unknown[],
  order: readonly unknown[],
  mergeKey: string | undefined,
): unknown[] {
  const keyOf = (item: unknown): unknown =>
    mergeKey !== undefined && isTree(item) ? item[mergeKey] : item;
  const wanted = order.map(keyOf);
  const named = list
    .filter((item) => wanted.includes(keyOf(item)))
    .toSorted((a, b) => wanted.indexOf(keyOf(a)) - wanted.indexOf(keyOf(b)));
  return list.map((item) => (wanted.includes(keyOf(item)) ? named.shift() : item));
}

function withoutDirectives(patch: Tree): Tree {
  return Object.fromEntries(Object.entries(patch).filter(([key]) => !key.startsWith("$")));
}
