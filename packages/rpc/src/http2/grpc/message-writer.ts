/** Messages as the content of a stream: each behind a prefix of a flag and its length. */
import { EncodedMessage, encodeMessage } from "../../message/encoded-message.js";
import type { MessageType } from "../../message/message-type.js";
import { Writer } from "../../message/writer.js";
import { PREFIX_BYTES } from "./message-reader.js";

/** Up to here a message is cheaper to copy than to send in parts. */
const COPIED_BYTES_MAX = 4_096;

/** Smaller messages are not compressed: they would hardly become smaller. */
const COMPRESSED_BYTES_MIN = 1_024;

/** Compresses the bytes of a message. */
export type Deflate = (message: Uint8Array) => Uint8Array;

/** The parts to send for one message. */
export function contentOf<T>(
  type: MessageType<T>,
  message: T | EncodedMessage,
  deflate?: Deflate,
): readonly Uint8Array[] {
  if (deflate !== undefined) return [deflatedContentOf(encodeMessage(type, message), deflate)];
  if (!(message instanceof EncodedMessage)) return [encodePrefixed(type, message)];
  const { parts, byteLength, framed } = message;
  if (framed !== undefined) return [framed];
  if (byteLength > COPIED_BYTES_MAX) return [prefixOf(byteLength, 0), ...parts];
  const bytes = prefixOf(byteLength, byteLength);
  let offset = PREFIX_BYTES;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  message.framed = bytes;
  return [bytes];
}

/**
 * The parts to send for several messages of one stream: small ones side by side in one part, so
 * that they share frames, large parts as they are.
 */
export function contentOfAll<T>(
  type: MessageType<T>,
  messages: readonly (T | EncodedMessage)[],
  deflate?: Deflate,
): readonly Uint8Array[] {
  if (deflate !== undefined) {
    return messages.map((message) => deflatedContentOf(encodeMessage(type, message), deflate));
  }
  const [first] = messages;
  if (messages.length === 1 && first !== undefined) return contentOf(type, first);
  const encoded = messages.map((message) =>
    message instanceof EncodedMessage ? message : new EncodedMessage([type.encode(message)]),
  );
  const room: Uint8Array = new Uint8Array(copiedBytes(encoded));
  const content: Uint8Array[] = [];
  let [start, end] = [0, 0];
  for (const { parts, byteLength } of encoded) {
    writeLength(room, end, byteLength);
    end += PREFIX_BYTES;
    for (const part of parts) {
      if (part.length > COPIED_BYTES_MAX) {
        content.push(room.subarray(start, end), part);
        start = end;
      } else {
        room.set(part, end);
        end += part.length;
      }
    }
  }
  if (end > start) content.push(room.subarray(start, end));
  return content;
}

function copiedBytes(messages: readonly EncodedMessage[]): number {
  let bytes = 0;
  for (const { parts } of messages) {
    bytes += PREFIX_BYTES;
    for (const { length } of parts) if (length <= COPIED_BYTES_MAX) bytes += length;
  }
  return bytes;
}

/** A message with its prefix. */
export function prefixMessage(message: Uint8Array): Uint8Array {
  const bytes = prefixOf(message.length, message.length);
  bytes.set(message, PREFIX_BYTES);
  return bytes;
}

/** The same of a message that is yet to be encoded, which is then written behind its prefix. */
function encodePrefixed<T>(type: MessageType<T>, message: T): Uint8Array {
  const writer = new Writer();
  try {
    writer.skip(PREFIX_BYTES);
    type.write(message, writer);
  } catch (error) {
    writer.abandon();
    throw error;
  }
  const bytes = writer.finish();
  writeLength(bytes, 0, bytes.length - PREFIX_BYTES);
  return bytes;
}

function deflatedContentOf(message: Uint8Array, deflate: Deflate): Uint8Array {
  if (message.length < COMPRESSED_BYTES_MIN) return prefixMessage(message);
  const bytes = prefixMessage(deflate(message));
  bytes[0] = 1; // Compressed.
  return bytes;
}

/** The prefix of a message of `length` bytes, with room for as many of them behind it. */
function prefixOf(length: number, room: number): Uint8Array {
  const bytes: Uint8Array = new Uint8Array(PREFIX_BYTES + room);
  writeLength(bytes, 0, length);
  return bytes;
}

/** The flag before it is 0: not compressed. */
function writeLength(bytes: Uint8Array, offset: number, length: number): void {
  bytes[offset + 1] = length >>> 24;
  bytes[offset + 2] = length >>> 16;
  bytes[offset + 3] = length >>> 8;
  bytes[offset + 4] = length;
}
