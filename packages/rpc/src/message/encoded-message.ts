/**
 * A message in its wire form already, in parts that need not be put together: what is sent to many
 * (a watch event), kept as bytes anyway (a stored pair, a log entry) or too large to be copied. It
 * may stand wherever a handler answers, or a channel sends, a message of the type that it holds.
 */
import { concatBytes } from "@sagong/base";
import type { MessageType } from "./message-type.js";

export class EncodedMessage {
  /** One behind the other they are the message. None of them may change before it is sent. */
  readonly parts: readonly Uint8Array[];
  readonly byteLength: number;
  /** What a transport made of it for one stream, kept for the next: the same for all of them. */
  framed: Uint8Array | undefined;
  /**
   * For a message that is sent once, whose maker uses its memory again: a transport may call it when
   * nobody will read the parts any more, and need not.
   */
  readonly onSent: (() => void) | undefined;

  constructor(parts: readonly Uint8Array[], onSent?: () => void) {
    this.parts = parts;
    this.onSent = onSent;
    let length = 0;
    for (const part of parts) length += part.length;
    this.byteLength = length;
  }

  toBytes(): Uint8Array {
    const [first] = this.parts;
    return first !== undefined && this.parts.length === 1 ? first : concatBytes(this.parts);
  }
}

/** The wire form of a message, whether it has it already or not. */
export function encodeMessage<T>(type: MessageType<T>, message: T | EncodedMessage): Uint8Array {
  return message instanceof EncodedMessage ? message.toBytes() : type.encode(message);
}
