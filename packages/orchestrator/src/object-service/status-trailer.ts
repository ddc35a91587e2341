/**
 * `ApiError` over gRPC, both ways: a status code that says roughly what it is, and a trailer with
 * the Kubernetes Status that says it exactly. A status without the trailer is not of the API
 * server but of what lies between.
 */
import { ApiError, type StatusReason } from "../api/api-status.js";
import type { Status } from "../api/gen/meta-v1.js";
import { RpcError, StatusCode } from "@sagong/rpc";

/** Names that end in `-bin` carry bytes: messages are not ASCII only. */
export const STATUS_TRAILER = "sagong-status-bin";

/** gRPC peers may refuse more than 8 KiB of metadata; base64 makes four bytes of three. */
const MAX_STATUS_BYTES = 5 * 1024;
/** The same text stands in the trailer; this one is for tools that know gRPC only. */
const MAX_MESSAGE_CHARACTERS = 256;

const CODES: Readonly<Record<StatusReason, StatusCode>> = {
  Unauthorized: StatusCode.unauthenticated,
  Forbidden: StatusCode.permissionDenied,
  NotFound: StatusCode.notFound,
  AlreadyExists: StatusCode.alreadyExists,
  Conflict: StatusCode.aborted,
  Gone: StatusCode.outOfRange,
  Invalid: StatusCode.invalidArgument,
  ServerTimeout: StatusCode.deadlineExceeded,
  StorageReadError: StatusCode.dataLoss,
  Timeout: StatusCode.deadlineExceeded,
  TooManyRequests: StatusCode.resourceExhausted,
  BadRequest: StatusCode.invalidArgument,
  MethodNotAllowed: StatusCode.unimplemented,
  NotAcceptable: StatusCode.invalidArgument,
  RequestEntityTooLarge: StatusCode.resourceExhausted,
  UnsupportedMediaType: StatusCode.invalidArgument,
  InternalError: StatusCode.internal,
  Expired: StatusCode.outOfRange,
  ServiceUnavailable: StatusCode.unavailable,
  NotImplemented: StatusCode.unimplemented,
};

export function toRpcError(error: ApiError): RpcError {
  const text = Buffer.from(JSON.stringify(fittingStatus(error)), "utf8").toString("base64");
  const message = error.message.slice(0, MAX_MESSAGE_CHARACTERS);
  return new RpcError(CODES[error.reason], message, {
    trailers: { [STATUS_TRAILER]: text },
    cause: error,
  });
}

/** Undefined where the error is not the API server's: no trailer, or none that can be read. */
export function apiErrorOf(error: RpcError): ApiError | undefined {
  const text = error.trailers[STATUS_TRAILER];
  if (text === undefined) return undefined;
  try {
    const status: unknown = JSON.parse(Buffer.from(text, "base64").toString("utf8"));
    if (typeof status !== "object" || status === null) return undefined;
    return ApiError.fromStatus(status as Status); // The trailer's name says what it holds.
  } catch (fault) {
    if (fault instanceof SyntaxError) return undefined;
    throw fault;
  }
}

/** The Status, with as many causes and as much text as the trailer holds. */
function fittingStatus(error: ApiError): Status {
  const status = error.toStatus();
  if (sizeOf(status) <= MAX_STATUS_BYTES) return status;
  const { details = {}, message = "" } = status;
  // Half for the message, which repeats every cause; a UTF-8 character has at most three bytes for
  // each of its UTF-16 units.
  const short = message.slice(0, Math.floor(MAX_STATUS_BYTES / 6));
  const cut = { ...status, message: short.length < message.length ? `${short}…` : message };
  const causes = [...(details.causes ?? [])];
  while (
    causes.length > 0 &&
    sizeOf({ ...cut, details: { ...details, causes } }) > MAX_STATUS_BYTES
  )
    causes.splice(Math.floor(causes.length / 2));
  return { ...cut, details: { ...details, causes } };
}

function sizeOf(status: Status): number {
  return Buffer.byteLength(JSON.stringify(status));
}
