/** Requests for resources: which handler answers which verb of which resource. */
import { methodNotAllowed } from "../api/api-status.js";
import type { ServedResource } from "../api/schema/served.js";
import type { ResourceCall } from "./call.js";
import { handleDelete, handleDeleteCollection } from "./handle-delete.js";
import { handleCreate, handleGet, handleList, handleUpdate } from "./handle-object.js";
import { handlePatch } from "./handle-patch.js";
import { handleSubresource } from "./handle-subresource.js";
import { handleWatch } from "./handle-watch.js";
import type { RequestVerb } from "./request-info.js";
import { handleSelfReview, isSelfReview } from "./self-review.js";

/** Throws `ApiError`; what it does not throw it has answered. */
export async function handleResource(call: ResourceCall, verb: RequestVerb): Promise<void> {
  const { info, resource, request } = call;
  if (info.subresource !== undefined) return handleSubresource(call, info.subresource);
  // Objects of namespaces are read across them, and written in one only. Only collections are
  // created in, and HEAD is nowhere offered.
  const isAcross = resource.namespaced && info.namespace === undefined;
  const isMisplaced =
    (isAcross && verb !== "list" && verb !== "watch") ||
    (verb === "create" && info.name !== undefined);
  if (!offers(resource, verb) || isMisplaced || request.method === "HEAD") throw methodNotAllowed();
  if (isSelfReview(call)) return handleSelfReview(call);
  switch (verb) {
    case "get":
      return handleGet(call);
    case "list":
      return handleList(call);
    case "watch":
      return handleWatch(call);
    case "create":
      return handleCreate(call);
    case "update":
      return handleUpdate(call, undefined);
    case "patch":
      return handlePatch(call, undefined);
    case "delete":
      return handleDelete(call);
    case "deletecollection":
      return handleDeleteCollection(call);
  }
}

function offers({ verbs }: ServedResource, verb: RequestVerb): boolean {
  return verbs.includes(verb);
}
