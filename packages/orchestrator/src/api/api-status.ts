/**
 * Kubernetes' error body (meta/v1 Status) and the one error type that carries it, on both sides of
 * the wire. Every message that a client may match stands in this file or is passed in by the
 * validator that found the fault.
 */
import type { Status, StatusCause, StatusDetails } from "./gen/meta-v1.js";

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

  constructor(reason: StatusReason, message: string, details?: StatusDetails, code?: number) {
    super(message);
    this.reason = reason;
    this.code = code ?? REASON_CODES[reason];
    this.details = details;
  }

  toStatus(): Status {
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
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
      status.code,
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

export function notFound(resource: ResourceName, name: string): ApiError {
  return new ApiError("NotFound", `${qualifiedResource(resource)} "${name}" not found`, {
    name,
    group: resource.group,
    kind: resource.resource,
  });
}

export function alreadyExists(resource: ResourceName, name: string): ApiError {
  return new ApiError("AlreadyExists", `${qualifiedResource(resource)} "${name}" already exists`, {
    name,
    group: resource.group,
    kind: resource.resource,
  });
}

export function conflict(resource: ResourceName, name: string, why?: string): ApiError {
  const text =
    why ??
    "the object has been modified; please apply your changes to the latest version and try again";
  return new ApiError(
    "Conflict",
    `Operation cannot be fulfilled on ${qualifiedResource(resource)} "${name}": ${text}`,
    { name, group: resource.group, kind: resource.resource },
  );
}

export function badRequest(message: string): ApiError {
  return new ApiError("BadRequest", message);
}

export function expired(message: string): ApiError {
  return new ApiError("Expired", message);
}

/** 422 with one cause a fault, as `Deployment.apps "web" is invalid: spec.x: Required value`. */
export function invalid(
  kind: { readonly group: string; readonly kind: string },
  name: string,
  causes: readonly StatusCause[],
): ApiError {
  const qualified = kind.group === "" ? kind.kind : `${kind.kind}.${kind.group}`;
  const texts = causes.map((cause) => `${cause.field}: ${cause.message}`);
  const list = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
  return new ApiError("Invalid", `${qualified} "${name}" is invalid: ${list}`, {
    name,
    group: kind.group,
    kind: kind.kind,
    causes,
  });
}
