import { gunzipSync } from "node:zlib";
import { errorText, hasCode } from "@sagong/base";
import { RpcError, StatusCode } from "../status.js";

/** A message compressed by gzip. Throws `RpcError` where it is none, or inflates beyond the limit. */
export function inflate(message: Uint8Array, messageBytesMax: number): Uint8Array {
  try {
    return Number.isFinite(messageBytesMax)
      ? gunzipSync(message, { maxOutputLength: Math.max(1, messageBytesMax) })
      : gunzipSync(message);
  } catch (error) {
    if (hasCode(error, "ERR_BUFFER_TOO_LARGE")) {
      throw new RpcError(
        StatusCode.resourceExhausted,
        `Received message that decompresses to a size larger than ${messageBytesMax}`,
      );
    }
    const text = `Cannot inflate a message of ${message.length} bytes: ${errorText(error)}`;
    throw new RpcError(StatusCode.internal, text, { cause: error });
  }
}
