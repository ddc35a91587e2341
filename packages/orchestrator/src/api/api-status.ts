/**
 * Kubernetes' error body (meta/v1 Status) and the one error type that carries it, on both sides of
 * the wire. Every message that a client may match stands in this file or is passed in by the
 * validator that found the fault.
 */
import type { ListMeta, Status, StatusCause, StatusDetails } from "./gen/meta-v1.js";

/** Reasons of apimachinery's meta/v1 with the HTTP code that each is sent with. */
export const REASON_CODES = {
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Invalid: 422,
  ServerTimeout: 500,
  StorageReadError: 500,
  Timeout: 504,
  TooManyRequests: 429,
  BadRequest: 400,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  InternalError: 500,
  Expired: 410,
  ServiceUnavailable: 503,
  NotImplemented: 501,
} as const;

export type StatusReason = keyof typeof REASON_CODES;

/** A refusal by the API server, thrown by `ObjectClient`s and by the server's own layers alike. */
export class ApiError extends Error {
  override readonly name: string = "ApiError";
  readonly reason: StatusReason;
  readonly code: number;
  readonly details: StatusDetails | undefined;
  /** Of the Status itself: the token with which an expired list may go on. */
  readonly metadata: ListMeta;

  constructor(
    reason: StatusReason,
    message: string,
    details?: StatusDetails,
    { code, metadata }: { readonly code?: number | undefined; readonly metadata?: ListMeta } = {},
  ) {
    super(message);
    this.reason = reason;
    this.code = code ?? REASON_CODES[reason];
    this.details = details;
    this.metadata = metadata ?? {};
  }

  toStatus(): Status {
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: this.metadata,
      status: "Failure",
      message: this.message,
      reason: this.reason,
      ...(this.details ? { details: this.details } : {}),
      code: this.code,
    };
  }

  /** The error that a Failure Status describes; unknown reasons become InternalError. */
  static fromStatus(status: Status): ApiError {
    const reason = status.reason ?? "";
    const known = Object.hasOwn(REASON_CODES, reason);
    return new ApiError(
      // Checked to be a key of REASON_CODES in the line above.
      known ? (reason as StatusReason) : "InternalError",
      status.message ?? "unknown error",
      status.details,
      { code: status.code, metadata: status.metadata },
    );
  }
}

export function isApiError(error: unknown, ...reasons: StatusReason[]): error is ApiError {
  return error instanceof ApiError && (reasons.length === 0 || reasons.includes(error.reason));
}

export interface ResourceName {
  readonly group: string;
  readonly resource: string;
}

/** `deployments.apps`, or `pods` for the core group: as messages name a resource. */
export function qualifiedResource({ group, resource }: ResourceName): string {
  return group === "" ? resource : `${resource}.${group}`;
}

/** What a Status is about. As Go writes it: what is empty is left out. */
export function detailsOf({ group, resource }: ResourceName, name: string): StatusDetails {
  return { ...(name === "" ? {} : { name }), ...(group === "" ? {} : { group }), kind: resource };
}

export function notFound(resource: ResourceName, name: string): ApiError {
  return new ApiError(
    "NotFound",
    `${qualifiedResource(resource)} "${name}" not found`,
    detailsOf(resource, name),
  );
}

export function alreadyExists(resource: ResourceName, name: string): ApiError {
  return new ApiError(
    "AlreadyExists",
    `${qualifiedResource(resource)} "${name}" already exists`,
    detailsOf(resource, name),
  );
}

/** No free name was found for a generateName. */
export function noUniqueName(resource: ResourceName, name: string): ApiError {
  return new ApiError(
    "AlreadyExists",
    `${qualifiedResource(resource)} "${name}" already exists, the server was not able to generate a unique name for the object`,
    { ...detailsOf(resource, name), retryAfterSeconds: 1 },
  );
}

/** Controllers tell this refusal by its cause, and stop creating. */
export function namespaceTerminating(
  resource: ResourceName,
  { name, namespace }: { readonly name: string; readonly namespace: string },
): ApiError {
  const { message, details } = forbidden(
    `unable to create new content in namespace ${namespace} because it is being terminated`,
    { resource, name },
  );
  const cause = {
    reason: "NamespaceTerminating",
    message: `namespace ${namespace} is being terminated`,
    field: "metadata.namespace",
  };
  return new ApiError("Forbidden", message, { ...details, causes: [cause] });
}

/** `pods "x" is forbidden: …`; without a resource for paths that are none's. */
export function forbidden(
  why: string,
  about?: { readonly resource: ResourceName; readonly name: string },
): ApiError {
  if (!about) return new ApiError("Forbidden", `forbidden: ${why}`);
  const { resource, name } = about;
  const subject = `${qualifiedResource(resource)}${name === "" ? "" : ` ${JSON.stringify(name)}`}`;
  return new ApiError("Forbidden", `${subject} is forbidden: ${why}`, detailsOf(resource, name));
}

export function conflict(resource: ResourceName, name: string, why?: string): ApiError {
  const text =
    why ??
    "the object has been modified; please apply your changes to the latest version and try again";
  return new ApiError(
    "Conflict",
    `Operation cannot be fulfilled on ${qualifiedResource(resource)} "${name}": ${text}`,
    detailsOf(resource, name),
  );
}

export function badRequest(message: string): ApiError {
  return new ApiError("BadRequest", message);
}

export function expired(message: string): ApiError {
  return new ApiError("Expired", message);
}

/** The list cannot be had at one version any more; with `next` its rest can be had as it is now. */
export function continueExpired(next: string): ApiError {
  const message =
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";
  return new ApiError("Expired", message, undefined, { metadata: { continue: next } });
}

/** No resource, version or subresource of that name. */
export function notServed(): ApiError {
  return new ApiError("NotFound", "the server could not find the requested resource");
}

export function methodNotAllowed(): ApiError {
  return new ApiError(
    "MethodNotAllowed",
    "the server does not allow this method on the requested resource",
  );
}

/** The version asked for is newer than what is there (storage.NewTooLargeResourceVersionError). */
export function versionTooLarge(asked: number, current: number): ApiError {
  return new ApiError(
    "Timeout",
    `Timeout: Too large resource version: ${asked}, current: ${current}`,
    {
      causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
      retryAfterSeconds: 1,
    },
  );
}

/** 422 with one cause a fault, as `Deployment.apps "web" is invalid: spec.x: Required value`. */
export function invalid(
  kind: { readonly group: string; readonly kind: string },
  name: string,
  causes: readonly StatusCause[],
): ApiError {
  const qualified = kind.group === "" ? kind.kind : `${kind.kind}.${kind.group}`;
  const texts = [...new Set(causes.map((cause) => `${cause.field}: ${cause.message}`))];
  const list = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
  return new ApiError("Invalid", `${qualified} "${name}" is invalid: ${list}`, {
    ...detailsOf({ group: kind.group, resource: kind.kind }, name),
    causes,
  });
}

/** What is wrong with the query of a request, as its options object would be refused. */
export function invalidOptions(
  kind: "CreateOptions" | "DeleteOptions" | "ListOptions" | "PatchOptions" | "UpdateOptions",
  causes: readonly StatusCause[],
): ApiError {
  return invalid({ group: "meta.k8s.io", kind }, "", causes);
}
