import { errorText } from "@sagong/base";
import { RpcError, StatusCode } from "@sagong/rpc";

/** What a person is told of a failed call: the store's own words, or why it was not reached. */
export function errorSentence(error: unknown): string {
  if (!(error instanceof RpcError)) return errorText(error);
  if (error.code === StatusCode.deadlineExceeded) return "context deadline exceeded";
  if (error.code === StatusCode.cancelled) return "context canceled";
  const reason = CONNECTION_FAILED.exec(error.message)?.[1];
  return reason === undefined ? error.message : `cannot connect: ${shortened(reason)}`;
}

/** grpc-js, whose last error may be of several lines. */
const CONNECTION_FAILED =
  /^No connection established\. Last error: ([^]*?)(?: Resolution note[^]*)?$/;

/** Without the names of error classes, OpenSSL's source lines and times of day. */
function shortened(reason: string): string {
  const [, alert] = /SSL routines:[^:]*:([^:]*)/.exec(reason) ?? [];
  if (alert !== undefined) return alert;
  return reason
    .replace(/\s*(?:\(\d{4}-\d\d-\d\dT[\d:.]+Z\))?\.?\s*$/, "")
    .replace(/^Error: /, "")
    .replaceAll(/\s+/g, " ");
}
