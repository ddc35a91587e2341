import { errorText } from "@sagong/base";
import { RpcError, StatusCode } from "@sagong/rpc";

/** What a person is told of a failed call: the store's own words, or why it was not reached. */
export function errorSentence(error: unknown): string {
  if (!(error instanceof RpcError)) return errorText(error);
  if (error.code === StatusCode.deadlineExceeded) return "context deadline exceeded";
  if (error.code === StatusCode.cancelled) return "context canceled";
  // grpc-js: "No connection established. Last error: connect ECONNREFUSED 127.0.0.1:1. …"
  const [, reason] =
    /^No connection established\. Last error: ([^]*?)(?:\.? Resolution note|$)/.exec(
      error.message,
    ) ?? [undefined, undefined];
  return reason === undefined ? error.message : `cannot connect: ${reason}`;
}
