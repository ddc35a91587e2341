/**
 * gRPC's length-prefixed messages out of DATA frames, however these cut them. What waits for the
 * rest of a message is a copy, so that it does not keep the socket's whole chunk.
 */
import { EMPTY_BYTES } from "@sagong/base";
import { RpcError, StatusCode } from "../../status.js";

/** A flag (1: compressed) and the length in four bytes, big-endian. */
export const PREFIX_BYTES = 5;
/** Memory for a message that is not whole, as a multiple of what has come of it. */
const ROOM_FACTOR = 8;

export interface MessageReaderOptions {
  /** A longer message ends the call, by its prefix already. */
  readonly messageBytesMax: number;
  /**
   * Makes the message of one that is compressed, or throws `RpcError`: beyond the same limit too.
   * Left out where compressed messages are refused.
   */
  readonly inflate?: ((message: Uint8Array, messageBytesMax: number) => Uint8Array) | undefined;
}

export class MessageReader {
  readonly #messageBytesMax: number;
  readonly #inflate: MessageReaderOptions["inflate"];
  /**
   * A copy of what came of a message that is not whole, prefix included. One array that grows: a
   * message of a megabyte in parts of one byte would otherwise cost two hundred times as much.
   */
  #held: Uint8Array = EMPTY_BYTES;
  #heldBytes = 0;
  /** The length of that message with its prefix, as far as it is known. */
  #wanted = PREFIX_BYTES;

  constructor({ messageBytesMax, inflate }: MessageReaderOptions) {
    this.#messageBytesMax = messageBytesMax;
    this.#inflate = inflate;
  }

  /** A message has begun and is not whole. */
  get isWithin(): boolean {
    return this.#heldBytes > 0;
  }

  /** Bytes of a message that is not whole. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * The messages that `data` completes: views of it where they lie whole in it. Throws `RpcError`,
   * and must not be used after.
   */
  push(data: Uint8Array): Uint8Array[] {
    const messages: Uint8Array[] = [];
    let rest = data;
    if (this.#heldBytes === 0) rest = this.#readWhole(rest, messages);
    while (rest.length > 0) {
      const part = rest.subarray(0, this.#wanted - this.#heldBytes);
      this.#hold(part);
      rest = rest.subarray(part.length);
      if (this.#heldBytes < this.#wanted) break;
      if (this.#wanted === PREFIX_BYTES) {
        this.#wanted += this.#lengthAt(this.#held, 0);
        if (this.#wanted > PREFIX_BYTES) continue;
      }
      const message = this.#held.subarray(PREFIX_BYTES, this.#wanted);
      messages.push(this.#plain(message, this.#held[0]));
      this.#held = EMPTY_BYTES;
      this.#heldBytes = 0;
      this.#wanted = PREFIX_BYTES;
      rest = this.#readWhole(rest, messages);
    }
    return messages;
  }

  #hold(part: Uint8Array): void {
    const bytes = this.#heldBytes + part.length;
    if (bytes > this.#held.length) {
      // Not all that was announced: that must cost its sender something. A message of a hundred
      // kilobytes, which comes in frames of 16, is moved once all the same.
      const room = Math.min(this.#wanted, ROOM_FACTOR * bytes);
      const grown: Uint8Array = new Uint8Array(room);
      grown.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = grown;
    }
    this.#held.set(part, this.#heldBytes);
    this.#heldBytes = bytes;
  }

  /** Messages that lie whole in `data`; returns the rest. */
  #readWhole(data: Uint8Array, messages: Uint8Array[]): Uint8Array {
    let offset = 0;
    while (data.length - offset >= PREFIX_BYTES) {
      const end = offset + PREFIX_BYTES + this.#lengthAt(data, offset);
      if (end > data.length) break;
      messages.push(this.#plain(data.subarray(offset + PREFIX_BYTES, end), data[offset]));
      offset = end;
    }
    return offset === 0 ? data : data.subarray(offset);
  }

  #plain(message: Uint8Array, flag: number | undefined): Uint8Array {
    if (flag === 0 || this.#inflate === undefined) return message; // Refused by its prefix otherwise.
    return this.#inflate(message, this.#messageBytesMax);
  }

  #lengthAt(bytes: Uint8Array, offset: number): number {
    if (bytes[offset] !== 0 && (bytes[offset] !== 1 || this.#inflate === undefined)) {
      throw new RpcError(
        StatusCode.internal, // As PROTOCOL-HTTP2 has it: no encoding was named.
        "Cannot read a message: it is compressed, expected the encoding identity",
      );
    }
    const length = lengthAt(bytes, offset);
    if (length <= this.#messageBytesMax) return length;
    throw new RpcError(
      StatusCode.resourceExhausted,
      `Received message larger than max (${length} vs ${this.#messageBytesMax})`,
    );
  }
}

/**
 * The message where `data` is one and nothing else, as most requests are: a view of it. Undefined
 * where it takes a `MessageReader` to tell.
 */
export function onlyMessageOf(data: Uint8Array, messageBytesMax: number): Uint8Array | undefined {
  if (data.length < PREFIX_BYTES || data[0] !== 0) return undefined;
  const length = lengthAt(data, 0);
  if (length !== data.length - PREFIX_BYTES || length > messageBytesMax) return undefined;
  return data.subarray(PREFIX_BYTES);
}

/** Of the message whose prefix begins at `offset`; all of the prefix is there. */
function lengthAt(bytes: Uint8Array, offset: number): number {
  const high = (bytes[offset + 1] as number) * 0x1000000; // In range, says the caller.
  const low =
    ((bytes[offset + 2] as number) << 16) | // Likewise.
    ((bytes[offset + 3] as number) << 8) | // Likewise.
    (bytes[offset + 4] as number); // Likewise.
  return high + low;
}
