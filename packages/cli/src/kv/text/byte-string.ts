/**
 * Keys and values are bytes, command lines are text. Lines that are typed or piped in are handled
 * as byte strings: one character (U+0000 to U+00FF) for each byte, so that no byte is lost.
 */
import { decodeUtf8 } from "@sagong/base";

export function toByteString(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

export function fromByteString(text: string): Uint8Array {
  // Not a Buffer, whose slices share its memory where those of other arrays do not.
  return new Uint8Array(Buffer.from(text, "latin1"));
}

/** What a person reads: the bytes taken as UTF-8. */
export function byteStringText(text: string): string {
  return decodeUtf8(fromByteString(text));
}
