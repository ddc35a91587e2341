/**
 * gRPC's length-prefixed messages out of DATA frames, however these cut them. Each message is a
 * copy of its own: what a handler keeps of it does not keep the socket's whole chunk.
 */
import { concatBytes } from "@sagong/base";
import { RpcError, StatusCode } from "../../status.js";

/** A flag (1: compressed) and the length in four bytes, big-endian. */
export const PREFIX_BYTES = 5;

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
  /** Copies of what came of a message that is not whole; all of one message, prefix included. */
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  /** The length of that message with its prefix, as far as it is known. */
  #wanted = PREFIX_BYTES;

  constructor({ messageBytesMax, inflate }: MessageReaderOptions) {
    this.#messageBytesMax = messageBytesMax;
    this.#inflate = inflate;
  }

  /** A message has begun and is not whole. */
  get isWithin(): boolean {
    return this.#partBytes > 0;
  }

  /** The messages that `data` completes. Throws `RpcError`, and must not be used after. */
  push(data: Uint8Array): Uint8Array[] {
    const messages: Uint8Array[] = [];
    let rest = data;
    if (this.#partBytes === 0) rest = this.#readWhole(rest, messages);
    while (rest.length > 0) {
      const part = rest.subarray(0, this.#wanted - this.#partBytes);
      this.#parts.push(part.slice());
      this.#partBytes += part.length;
      rest = rest.subarray(part.length);
      if (this.#partBytes < this.#wanted) break;
      const bytes = concatBytes(this.#parts);
      this.#parts = [bytes];
      if (bytes.length === PREFIX_BYTES) this.#wanted += this.#lengthAt(bytes, 0);
      if (bytes.length < this.#wanted) continue;
      messages.push(this.#plain(bytes.subarray(PREFIX_BYTES), bytes[0]));
      this.#parts = [];
      this.#partBytes = 0;
      this.#wanted = PREFIX_BYTES;
      rest = this.#readWhole(rest, messages);
    }
    return messages;
  }

  /** Messages that lie whole in `data`; returns the rest. */
  #readWhole(data: Uint8Array, messages: Uint8Array[]): Uint8Array {
    let offset = 0;
    while (data.length - offset >= PREFIX_BYTES) {
      const end = offset + PREFIX_BYTES + this.#lengthAt(data, offset);
      if (end > data.length) break;
      messages.push(this.#plain(data.slice(offset + PREFIX_BYTES, end), data[offset]));
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
        StatusCode.unimplemented,
        "Cannot read a message: it is compressed, expected the encoding identity",
      );
    }
    const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(offset + 1, offset + PREFIX_BYTES);
    const length = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
    if (length <= this.#messageBytesMax) return length;
    throw new RpcError(
      StatusCode.resourceExhausted,
      `Received message larger than max (${length} vs ${this.#messageBytesMax})`,
    );
  }
}
