/** Objects and patches as the object service carries them: UTF-8 JSON (see object.proto for why). */
import { decodeUtf8, encodeUtf8 } from "@sagong/base";
import { badRequest } from "../api/api-status.js";

export function toJsonBytes(value: unknown): Uint8Array {
  return encodeUtf8(JSON.stringify(value));
}

/** Throws `ApiError` BadRequest that names the field, where its bytes are no JSON. */
export function fromJsonBytes(bytes: Uint8Array, field: string): unknown {
  try {
    return JSON.parse(decodeUtf8(bytes));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw badRequest(`Cannot read ${field}: it is not JSON: ${why}`);
  }
}
