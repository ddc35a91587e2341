/** PATCH: what the body asks for, applied to the stored object and held against its type. */
import { ApiError, badRequest } from "../api/api-status.js";
import { FieldTypeError } from "../api/codec/check-fields.js";
import { duplicateFields, JsonSyntaxError, parseJson } from "../api/codec/parse-json.js";
import type { KubeObject } from "../api/resource.js";
import type { PatchType } from "../client/object-client.js";
import { patchOf, patchRefusal, withoutOwnVersion } from "../registry/patch-object.js";
import { answerObject } from "./answer.js";
import { bodyOf, keyOfCall, type ResourceCall, type WriteOptions, writeOptions } from "./call.js";
import { sendWarnings } from "./http-exchange.js";
import { type ExpectedKind, inspectTree, mediaTypeOf, unsupportedMediaType } from "./read-body.js";

const PATCH_TYPES: ReadonlyMap<string, PatchType> = new Map([
  ["application/json-patch+json", "json"],
  ["application/merge-patch+json", "merge"],
  ["application/strategic-merge-patch+json", "strategic-merge"],
]);

export async function handlePatch(
  call: ResourceCall,
  subresource: "status" | undefined,
): Promise<void> {
  const { resource, server } = call;
  const key = keyOfCall(call);
  const patch = await readPatch(call, resource);
  const change = (before: KubeObject): KubeObject => withoutOwnVersion(patch.apply(before), before);
  const { dryRun } = patch.options;
  const patched = await server.registry.change(resource, key, change, { dryRun, subresource });
  sendWarnings(call.response, patch.warnings());
  answerObject(call, patched);
}

export interface BodyPatch {
  readonly options: WriteOptions;
  /** Throws `ApiError` where the patch does not fit the object, or makes something else of it. */
  apply(before: KubeObject): KubeObject;
  /** Of the last `apply`. */
  warnings(): readonly string[];
}

/** `expected` is the kind that the patch is of: the resource's, or a subresource's. */
export async function readPatch(call: ResourceCall, expected: ExpectedKind): Promise<BodyPatch> {
  const media = mediaTypeOf(call.request.headers["content-type"]);
  if (media === "application/apply-patch+yaml") {
    throw new ApiError(
      "UnsupportedMediaType",
      "server-side apply is not there yet: use client-side apply (kubectl apply without --server-side)",
    );
  }
  const type = PATCH_TYPES.get(media);
  if (type === undefined) throw unsupportedMediaType([...PATCH_TYPES.keys()]);
  const options = writeOptions(call, "PatchOptions");
  const { patch, duplicates } = parsePatch((await bodyOf(call)).toString("utf8"), type);
  const { schema } = call.server;
  const apply = patchOf(schema, { type, patch, target: expected });
  const { fieldValidation } = options;
  let warnings: readonly string[] = [];
  return {
    options,
    warnings: () => (fieldValidation === "Warn" ? warnings : []),
    apply: (before) => {
      const patched = apply(before);
      const refused = (why: string): ApiError =>
        patchRefusal(type === "strategic-merge" ? patch : patched, why);
      try {
        const { object, strictFaults } = inspectTree(patched, { schema, expected });
        warnings = [...duplicates, ...strictFaults];
        if (fieldValidation === "Strict" && warnings.length > 0)
          throw refused(`strict decoding error: ${warnings.join(", ")}`);
        return object;
      } catch (error) {
        if (!(error instanceof FieldTypeError)) throw error;
        throw refused(error.message);
      }
    },
  };
}

function parsePatch(
  text: string,
  type: PatchType,
): { readonly patch: unknown; readonly duplicates: readonly string[] } {
  try {
    const parsed = parseJson(text);
    const duplicates = duplicateFields(parsed);
    return {
      patch: parsed.value,
      duplicates: type === "json" ? duplicates.map((fault) => `json patch ${fault}`) : duplicates,
    };
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw badRequest(`error decoding patch: ${error.message}`);
  }
}
