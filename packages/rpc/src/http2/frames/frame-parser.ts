/**
 * Cuts a stream of bytes into frames. A frame that lies whole in one chunk is parsed where it is;
 * one that straddles chunks is put together in an array of its own, whose size the frame's header
 * has announced and the limit has allowed: what a peer can make us hold is one frame.
 */
import { ConnectionError, ErrorCode } from "./error-code.js";
import { FRAME_HEADER_BYTES, type Frame } from "./frame.js";
import { parseFrame } from "./parse-frame.js";

export interface FrameParserOptions {
  /** Our SETTINGS_MAX_FRAME_SIZE: the largest payload accepted. */
  readonly frameBytesMax: number;
}

export class FrameParser {
  readonly #frameBytesMax: number;
  /** The beginning of a frame that the next chunks complete: its header, then all of it. */
  #partial: Uint8Array = new Uint8Array(FRAME_HEADER_BYTES);
  #partialLength = 0;

  constructor({ frameBytesMax }: FrameParserOptions) {
    this.#frameBytesMax = frameBytesMax;
  }

  /**
   * Calls `onFrame` for each frame that `chunk` completes. Throws `ConnectionError`, and what
   * `onFrame` throws; the parser must not be used after that. Payloads are views of `chunk`.
   */
  parse(chunk: Uint8Array, onFrame: (frame: Frame) => void): void {
    let offset = this.#partialLength > 0 ? this.#complete(chunk, onFrame) : 0;
    while (offset + FRAME_HEADER_BYTES <= chunk.length) {
      const end = offset + FRAME_HEADER_BYTES + this.#payloadBytes(chunk, offset);
      if (end > chunk.length) break;
      onFrame(frameAt(chunk, offset, end));
      offset = end;
    }
    if (offset < chunk.length) this.#keep(chunk.subarray(offset));
  }

  /** Fills the partial frame from the start of `chunk`; returns how much of it was used. */
  #complete(chunk: Uint8Array, onFrame: (frame: Frame) => void): number {
    let offset = 0;
    while (this.#partialLength > 0) {
      const wanted = this.#partial.length - this.#partialLength;
      const part = chunk.subarray(offset, offset + wanted);
      this.#partial.set(part, this.#partialLength);
      this.#partialLength += part.length;
      offset += part.length;
      if (part.length < wanted) return offset;
      if (this.#partial.length === FRAME_HEADER_BYTES && this.#growToFrame()) continue;
      const frame = frameAt(this.#partial, 0, this.#partial.length);
      this.#partial = new Uint8Array(FRAME_HEADER_BYTES);
      this.#partialLength = 0;
      onFrame(frame);
    }
    return offset;
  }

  /** Makes room for the payload that the header announces; false where there is none. */
  #growToFrame(): boolean {
    const length = this.#payloadBytes(this.#partial, 0);
    if (length === 0) return false;
    const frame = new Uint8Array(FRAME_HEADER_BYTES + length);
    frame.set(this.#partial);
    this.#partial = frame;
    return true;
  }

  #keep(rest: Uint8Array): void {
    if (rest.length >= FRAME_HEADER_BYTES) {
      this.#partial = new Uint8Array(FRAME_HEADER_BYTES + this.#payloadBytes(rest, 0));
    }
    this.#partial.set(rest);
    this.#partialLength = rest.length;
  }

  /** §4.2: refused by its header already, before any of the payload is taken. */
  #payloadBytes(bytes: Uint8Array, offset: number): number {
    const length = uint24At(bytes, offset);
    if (length <= this.#frameBytesMax) return length;
    throw new ConnectionError(
      ErrorCode.frameSizeError,
      `A frame has a payload of ${length} bytes, expected at most ${this.#frameBytesMax}`,
    );
  }
}

function frameAt(bytes: Uint8Array, start: number, end: number): Frame {
  const type = bytes[start + 3] as number; // A whole header lies before `end`.
  const flags = bytes[start + 4] as number; // Likewise.
  const high = (bytes[start + 5] as number) & 0x7f; // Likewise; the reserved bit is ignored (§4.1).
  const streamId = (high << 24) | uint24At(bytes, start + 6);
  return parseFrame({ type, flags, streamId }, bytes.subarray(start + FRAME_HEADER_BYTES, end));
}

function uint24At(bytes: Uint8Array, offset: number): number {
  const [a = 0, b = 0, c = 0] = [bytes[offset], bytes[offset + 1], bytes[offset + 2]];
  return (a << 16) | (b << 8) | c;
}
