/** Answers in the form that the client accepts: the object, a Table, or its metadata only. */
import { stringify } from "yaml";
import { ApiError, qualifiedResource } from "../api/api-status.js";
import { partialMetadata, tableOf, type TableOptions } from "../api/printing/tables.js";
import type { KubeObject, ObjectList } from "../api/resource.js";
import { type Call, includeObjectOf, type ResourceCall } from "./call.js";
import { sendText } from "./http-exchange.js";
import { type AcceptedForm, negotiate } from "./media-types.js";
import { isTrue } from "./request-info.js";

/** Throws `ApiError` NotAcceptable. */
export function formOf({ request }: Call): AcceptedForm {
  const form = negotiate(request.headers["accept"]);
  if (form) return form;
  throw new ApiError(
    "NotAcceptable",
    "only the following media types are accepted: application/json, application/yaml",
  );
}

export function answerObject(call: ResourceCall, object: KubeObject, code = 200): void {
  const form = formOf(call);
  if (form.as === "Table") {
    const { resourceVersion } = object.metadata;
    return answerValue(
      call,
      tableOf([object], tableOptions(call, form, { resourceVersion })),
      code,
    );
  }
  if (form.as?.startsWith("PartialObjectMetadata"))
    return answerValue(call, partialMetadata(object, form.version), code);
  answerValue(call, object, code);
}

export function answerList(call: ResourceCall, list: ObjectList): void {
  const form = formOf(call);
  if (form.as === "Table") {
    const { resourceVersion, continue: next, remainingItemCount } = list.metadata;
    const paging = { resourceVersion, continue: next, remainingItemCount };
    return answerValue(call, tableOf(list.items, tableOptions(call, form, paging)));
  }
  if (form.as?.startsWith("PartialObjectMetadata")) {
    return answerValue(call, {
      kind: "PartialObjectMetadataList",
      apiVersion: `meta.k8s.io/${form.version}`,
      metadata: list.metadata,
      items: list.items.map((item) => partialMetadata(item, form.version)),
    });
  }
  // Items of a list do not repeat their kind.
  answerValue(call, {
    ...list,
    items: list.items.map(({ kind: _kind, apiVersion: _apiVersion, ...item }) => item),
  });
}

export function tableOptions(
  call: ResourceCall,
  form: AcceptedForm,
  paging: Pick<TableOptions, "resourceVersion" | "continue" | "remainingItemCount">,
): TableOptions {
  return {
    resource: qualifiedResource(call.resource),
    nowMs: call.server.clock.wallMs(),
    includeObject: includeObjectOf(call),
    version: form.version,
    ...paging,
  };
}

export function answerValue(call: Call, value: unknown, code = 200): void {
  const { response, request, url } = call;
  if (response.headersSent) return; // The deadline was faster.
  const isYaml = formOf(call).media === "yaml";
  const spaces = isTrue(url.searchParams.get("pretty")) ? 2 : undefined;
  if (isYaml) response.setHeader("content-type", "application/yaml");
  const body = isYaml ? stringify(value) : JSON.stringify(value, undefined, spaces);
  sendText(response, { code, body, request });
}
