/** Between grpc-js's errors and metadata and ours. */
import { Metadata as GrpcMetadata, type ServiceError } from "@grpc/grpc-js";
import { MessageDecodeError } from "../message/decode-error.js";
import { type Metadata, RpcError, StatusCode } from "../status.js";

const CODES = new Set<number>(Object.values(StatusCode));

/** An error of a grpc-js call as ours: same code, the peer's own text. */
export function toRpcError(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  if (isServiceError(error)) {
    // Membership in CODES was checked by isServiceError.
    return new RpcError(error.code as StatusCode, error.details, {
      trailers: fromGrpcMetadata(error.metadata),
      cause: error,
    });
  }
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof MessageDecodeError) return new RpcError(StatusCode.internal, message);
  return new RpcError(StatusCode.unknown, message, { cause: error });
}

function isServiceError(error: unknown): error is ServiceError {
  return (
    error instanceof Error &&
    "code" in error &&
    typeof error.code === "number" &&
    CODES.has(error.code) &&
    "details" in error
  );
}

export function toGrpcMetadata(metadata: Metadata | undefined): GrpcMetadata {
  const result = new GrpcMetadata();
  for (const [name, value] of Object.entries(metadata ?? {})) {
    result.set(name, name.endsWith("-bin") ? Buffer.from(value, "base64") : value);
  }
  return result;
}

export function fromGrpcMetadata(metadata: GrpcMetadata | undefined): Metadata {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(metadata?.getMap() ?? {})) {
    result[name] = typeof value === "string" ? value : value.toString("base64");
  }
  return result;
}
