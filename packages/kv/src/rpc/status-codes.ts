/**
 * Refusals → gRPC statuses, with etcd's codes and texts (its `rpctypes`). Clients compare the texts,
 * so they are passed on as they stand; the tables here say only which code goes with which.
 */
import { errorText } from "@sagong/base";
import { MessageDecodeError, RpcError, StatusCode } from "@sagong/rpc";
import { StoreError } from "../apply/store-error.js";
import { MemberError, type MemberErrorCode } from "../member/member-error.js";

const MEMBER_CODES: Readonly<Record<MemberErrorCode, StatusCode>> = {
  "no-leader": StatusCode.unavailable,
  "leader-changed": StatusCode.unavailable,
  "not-leader": StatusCode.failedPrecondition,
  "bad-leader-transferee": StatusCode.failedPrecondition,
  stopped: StatusCode.unavailable,
  timeout: StatusCode.unavailable,
  "timeout-leader-fail": StatusCode.unavailable,
  // As in etcd, which has no status for this one.
  "timeout-leader-transfer": StatusCode.unknown,
  "too-large": StatusCode.invalidArgument,
  "too-many-requests": StatusCode.resourceExhausted,
  cancelled: StatusCode.cancelled,
};

/** What the client is told of `error`. Anything unforeseen becomes Unknown, as in etcd. */
export function toRpcError(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  if (error instanceof MemberError) {
    return new RpcError(MEMBER_CODES[error.code], error.message, { cause: error });
  }
  if (error instanceof StoreError) {
    // STORE_ERRORS holds numbers of this very table only.
    return new RpcError(error.status as StatusCode, error.message, { cause: error });
  }
  if (error instanceof MessageDecodeError) {
    return new RpcError(StatusCode.internal, error.message, { cause: error });
  }
  return new RpcError(StatusCode.unknown, errorText(error), { cause: error });
}
