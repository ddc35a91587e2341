/** Who asks, by the connection's certificate, and whether they may: the texts are RBAC's. */
import type { HttpRequest } from "@sagong/rpc";
import { ApiError, forbidden } from "../api/api-status.js";
import {
  mayDoEverything,
  type User,
  userOfIdentity,
} from "../authentication/client-certificate.js";
import type { RequestInfo, RequestVerb } from "./request-info.js";

export interface Attributes {
  readonly path: string;
  /** Of a resource; left out for other paths. */
  readonly resource?: { readonly info: RequestInfo; readonly verb: RequestVerb } | undefined;
}

/** Throws `ApiError` Unauthorized. */
export function authenticate({ peerIdentity }: HttpRequest): User {
  const user = peerIdentity && userOfIdentity(peerIdentity);
  if (user) return user;
  throw new ApiError("Unauthorized", "Unauthorized");
}

/** Throws `ApiError` Forbidden. */
export function authorize(user: User, request: HttpRequest, { path, resource }: Attributes): void {
  if (mayDoEverything(user)) return;
  const who = `User ${JSON.stringify(user.name)}`;
  if (!resource) {
    const verb = request.method.toLowerCase();
    throw forbidden(`${who} cannot ${verb} path ${JSON.stringify(path)}`);
  }
  const { info, verb } = resource;
  const what =
    info.subresource === undefined ? info.resource : `${info.resource}/${info.subresource}`;
  const where =
    info.namespace === undefined
      ? "at the cluster scope"
      : `in the namespace ${JSON.stringify(info.namespace)}`;
  throw forbidden(
    `${who} cannot ${verb} resource ${JSON.stringify(what)} in API group ${JSON.stringify(info.group)} ${where}`,
    { resource: info, name: info.name ?? "" },
  );
}
