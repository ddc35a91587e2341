/** Messages as the content of a stream: each behind a prefix of a flag and its length. */
import { EncodedMessage } from "../../message/encoded-message.js";
import type { MessageType } from "../../message/message-type.js";
import { PREFIX_BYTES } from "./message-reader.js";

/** Up to here a message is cheaper to copy than to send in parts. */
const COPIED_BYTES_MAX = 4_096;

/** The parts to send for one message. */
export function contentOf<T>(
  type: MessageType<T>,
  message: T | EncodedMessage,
): readonly Uint8Array[] {
  if (!(message instanceof EncodedMessage)) return [prefixMessage(type.encode(message))];
  const { parts, byteLength } = message;
  if (byteLength > COPIED_BYTES_MAX) return [prefixOf(byteLength, 0), ...parts];
  const bytes = prefixOf(byteLength, byteLength);
  let offset = PREFIX_BYTES;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return [bytes];
}

/** A message with its prefix. */
export function prefixMessage(message: Uint8Array): Uint8Array {
  const bytes = prefixOf(message.length, message.length);
  bytes.set(message, PREFIX_BYTES);
  return bytes;
}

/** The prefix of a message of `length` bytes, with room for as many of them behind it. */
function prefixOf(length: number, room: number): Uint8Array {
  const bytes: Uint8Array = new Uint8Array(PREFIX_BYTES + room);
  bytes[1] = length >>> 24;
  bytes[2] = length >>> 16;
  bytes[3] = length >>> 8;
  bytes[4] = length;
  return bytes;
}
