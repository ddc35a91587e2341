/** A patch as a function of objects: applied, held against the type, ready for `Registry.change()`. */
import { type ApiError, invalid } from "../api/api-status.js";
import { jsonPatch } from "../api/patch/json-patch.js";
import { mergePatch } from "../api/patch/merge-patch.js";
import { strategicMergePatch } from "../api/patch/strategic-merge-patch.js";
import type { KubeObject } from "../api/resource.js";
import type { Schema } from "../api/schema/schema.js";
import type { PatchType } from "../client/object-client.js";

export interface PatchSpec {
  readonly type: PatchType;
  readonly patch: unknown;
  /** Whose merge keys a strategic merge goes by. */
  readonly target: { readonly group: string; readonly version: string; readonly kind: string };
}

/** The function throws `ApiError` where the patch does not fit the document. */
export function patchOf(
  schema: Schema,
  { type, patch, target }: PatchSpec,
): (document: unknown) => unknown {
  switch (type) {
    case "json":
      return (document) => jsonPatch(document, patch);
    case "merge":
      return (document) => mergePatch(document, patch);
    case "strategic-merge": {
      const typeName = schema.typeNameOf(target) ?? "";
      return (document) => strategicMergePatch(schema, typeName, { document, patch });
    }
  }
}

/** What a refusal shows of a patch, or of what it made. */
const MAX_SHOWN_CHARACTERS = 8_192;

/** As patch.go refuses what a patch makes of an object: the fault is the patch's. */
export function patchRefusal(shown: unknown, why: string): ApiError {
  const text = JSON.stringify(shown);
  const short =
    text.length > MAX_SHOWN_CHARACTERS ? `${text.slice(0, MAX_SHOWN_CHARACTERS)}...` : text;
  const message = `Invalid value: ${JSON.stringify(short)}: ${why}`;
  return invalid({ group: "", kind: "" }, "", [
    { reason: "FieldValueInvalid", field: "patch", message },
  ]);
}

/** A patch that does not speak of the version applies to whatever is there. */
export function withoutOwnVersion(object: KubeObject, before: KubeObject): KubeObject {
  if (object.metadata.resourceVersion !== before.metadata.resourceVersion) return object;
  return { ...object, metadata: { ...object.metadata, resourceVersion: undefined } };
}
